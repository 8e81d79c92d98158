/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets by roundabout ways. Granted: Unix sockets in DIR/granted but "never", udp to 127.0.0.1, tcp to the
 * loopback but 127.0.0.3, bind in DIR/bound. DIR/plain/socket and DIR/granted/never listen outside.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "attack.h"

static unsigned short port;

static socklen_t unix_name(struct sockaddr_un *address, const char *path)
{
        memset(address, 0, sizeof(*address));
        address->sun_family = AF_UNIX;
        snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
        return sizeof(*address);
}

static bool connects(const char *path)
{
        struct sockaddr_un address;
        socklen_t size = unix_name(&address, path);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), r;

        r = connect(fd, (struct sockaddr *)&address, size);
        close(fd);
        return r == 0;
}

static bool binds(const char *path)
{
        struct sockaddr_un address;
        socklen_t size = unix_name(&address, path);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), r;

        r = bind(fd, (struct sockaddr *)&address, size);
        if (r == 0)
                r = listen(fd, 1);
        close(fd);
        return r == 0;
}

static void expect_no_connection(const char *what, const char *path)
{
        if (connects(path))
                escaped("%s", what);
}

/* A socket that nothing grants, moved to where a grant is. */
static void moved_into_the_grant(void)
{
        const char *ours = in_dir("granted/ours"), *plain = in_dir("plain/socket");

        expect_no_connection("without a grant", plain);
        expect_no_connection("against a refusal", in_dir("granted/never"));
        (void)!symlink("../plain/socket", in_dir("granted/link"));
        expect_no_connection("by a symbolic link", in_dir("granted/link"));
        (void)!link(plain, ours);
        expect_no_connection("by a hard link", ours);
        unlink(ours);
        (void)!linkat(AT_FDCWD, in_dir("granted/link"), AT_FDCWD, ours, AT_SYMLINK_FOLLOW);
        expect_no_connection("by a hard link to where a symbolic one leads", ours);
        unlink(ours);
        int fd = open(plain, O_PATH);
        (void)!linkat(fd, "", AT_FDCWD, ours, AT_EMPTY_PATH);
        expect_no_connection("by a hard link to a descriptor", ours);
        close(fd);
        close(open(ours, O_CREAT | O_WRONLY, 0600));
        renameat2(AT_FDCWD, plain, AT_FDCWD, ours, RENAME_EXCHANGE);
        expect_no_connection("by an exchange", ours);
        renameat2(AT_FDCWD, ours, AT_FDCWD, plain, RENAME_EXCHANGE);
        expect_no_connection("by an exchange the other way", ours);
        rename(plain, ours);
        expect_no_connection("by a rename", ours);
        rename(in_dir("granted/never"), in_dir("granted/renamed"));
        expect_no_connection("by a rename out of a refusal", in_dir("granted/renamed"));
        rename(in_dir("plain"), in_dir("granted/directory"));
        expect_no_connection("by a rename of its directory", in_dir("granted/directory/socket"));
}

static bool is_socket(const char *path)
{
        struct stat st;

        return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* A socket of our own, moved to where none may be bound: others connect to what listens there. */
static void moved_out_of_the_grant(void)
{
        static const char *const targets[] = {"plain/service", "granted/service"};

        if (!binds(in_dir("bound/socket")))
                printf("cannot bind where it is granted: %s\n", strerror(errno));
        for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
                if (binds(in_dir(targets[i])))
                        escaped("binds without a grant");
                (void)!link(in_dir("bound/socket"), in_dir(targets[i]));
                if (is_socket(in_dir(targets[i])))
                        escaped("links its socket to %s", targets[i]);
                rename(in_dir("bound/socket"), in_dir(targets[i]));
                if (is_socket(in_dir(targets[i])))
                        escaped("renames its socket to %s", targets[i]);
                close(open(in_dir(targets[i]), O_CREAT | O_WRONLY, 0600));
                renameat2(AT_FDCWD, in_dir(targets[i]), AT_FDCWD, in_dir("bound/socket"), RENAME_EXCHANGE);
                if (is_socket(in_dir(targets[i])))
                        escaped("exchanges its socket with %s", targets[i]);
                unlink(in_dir(targets[i]));
        }
        mkdir(in_dir("bound/directory"), 0700);
        (void)!binds(in_dir("bound/directory/socket"));
        rename(in_dir("bound/directory"), in_dir("plain/directory"));
        if (is_socket(in_dir("plain/directory/socket")))
                escaped("moves its socket with the directory around it");
}

static void abstract_names(void)
{
        struct sockaddr_un address;
        socklen_t size;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        unix_name(&address, "");
        snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s", setting("SOCKET"));
        size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(setting("SOCKET")));
        if (connect(fd, (struct sockaddr *)&address, size) == 0)
                escaped("connects to an abstract name");
        if (bind(fd, (struct sockaddr *)&address, size) == 0)
                escaped("binds an abstract name");
        close(fd);
        fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        if (sendto(fd, "leak", 4, 0, (struct sockaddr *)&address, size) >= 0)
                escaped("sends to an abstract name");
        close(fd);
}

static struct sockaddr_in ipv4(const char *host, unsigned short number)
{
        return (struct sockaddr_in){
                .sin_family = AF_INET, .sin_port = htons(number), .sin_addr.s_addr = inet_addr(host)};
}

static void expect_unsent(const char *what, int fd, void *address, socklen_t size)
{
        struct iovec part = {"leak", 4};
        struct msghdr message = {.msg_name = address, .msg_namelen = size, .msg_iov = &part, .msg_iovlen = 1};
        struct mmsghdr many[2] = {{.msg_hdr = message}, {.msg_hdr = message}};

        if (sendto(fd, "leak", 4, 0, address, size) >= 0 || sendmsg(fd, &message, 0) >= 0 ||
            sendmmsg(fd, many, 2, 0) > 0)
                escaped("sends to %s", what);
        if (connect(fd, address, size) == 0)
                escaped("connects to %s", what);
}

static void datagrams(void)
{
        struct sockaddr_in good = ipv4("127.0.0.1", port), bad = ipv4("127.0.0.3", port);
        struct sockaddr_in metadata = ipv4("169.254.169.254", 80), everyone = ipv4("255.255.255.255", port);
        struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        struct sockaddr none = {.sa_family = AF_UNSPEC};
        int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1;

        expect_unsent("a refused address", fd, &bad, sizeof(bad));
        expect_unsent("the metadata service", fd, &metadata, sizeof(metadata));
        setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
        expect_unsent("everyone", fd, &everyone, sizeof(everyone));
        if (connect(fd, (struct sockaddr *)&good, sizeof(good)) < 0)
                printf("the granted address is not reached: %s\n", strerror(errno));
        expect_unsent("a refused address while connected", fd, &bad, sizeof(bad));
        connect(fd, &none, sizeof(none));
        expect_unsent("a refused address after a connection", fd, &bad, sizeof(bad));
        /* AF_UNSPEC with an address is AF_INET to sendto(2). */
        bad.sin_family = AF_UNSPEC;
        if (sendto(fd, "leak", 4, 0, (struct sockaddr *)&bad, sizeof(bad)) >= 0)
                escaped("sends to a refused address of no family");
        close(fd);
        fd = socket(AF_INET6, SOCK_DGRAM, 0);
        inet_pton(AF_INET6, "::ffff:127.0.0.3", &mapped.sin6_addr);
        if (fd >= 0)
                expect_unsent("a refused address in IPv6 clothes", fd, &mapped, sizeof(mapped));
        close(fd);
}

/* The first hop is where a packet really goes. */
static void routes(void)
{
        unsigned char loose[12] = {131, 11, 4, 127, 0, 0, 3, 127, 0, 0, 1, 0};
        unsigned char header[24] = {0, 2, 4, 1, 0}, label[64] = {0};
        union {
                char bytes[CMSG_SPACE(sizeof(loose))];
                struct cmsghdr header;
        } control = {.bytes = {0}};
        struct sockaddr_in good = ipv4("127.0.0.1", port);
        struct iovec part = {"leak", 4};
        struct msghdr message = {.msg_name = &good,
                                 .msg_namelen = sizeof(good),
                                 .msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof(control.bytes)};
        int stream = socket(AF_INET, SOCK_STREAM, 0), datagram = socket(AF_INET, SOCK_DGRAM, 0);
        int six = socket(AF_INET6, SOCK_DGRAM, 0);

        if (setsockopt(stream, IPPROTO_IP, IP_OPTIONS, loose, sizeof(loose)) == 0 ||
            setsockopt(datagram, IPPROTO_IP, IP_OPTIONS, loose, sizeof(loose)) == 0)
                escaped("gives a route of its own");
        header[8 + 15] = 1;
        if (six >= 0 &&
            (setsockopt(six, IPPROTO_IPV6, IPV6_RTHDR, header, sizeof(header)) == 0 || errno != EPERM))
                escaped("gives an IPv6 route of its own: %s", strerror(errno));
        if (six >= 0 && (setsockopt(six, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, header, sizeof(header)) == 0 ||
                         errno != EPERM))
                escaped("gives old IPv6 options: %s", strerror(errno));
        if (six >= 0 &&
            (setsockopt(six, IPPROTO_IPV6, 32 /* IPV6_FLOWLABEL_MGR */, label, sizeof(label)) == 0 ||
             errno != EPERM))
                escaped("gives a flow label's headers: %s", strerror(errno));
        control.header.cmsg_len = CMSG_LEN(sizeof(loose));
        control.header.cmsg_level = IPPROTO_IP;
        control.header.cmsg_type = IP_RETOPTS;
        memcpy(CMSG_DATA(&control.header), loose, sizeof(loose));
        if (sendmsg(datagram, &message, 0) >= 0)
                escaped("sends by a route of its own");
        if (setsockopt(stream, IPPROTO_IP, IP_OPTIONS, NULL, 0) < 0)
                printf("ESCAPED? options cannot be cleared: %s\n", strerror(errno));
        close(stream);
        close(datagram);
        close(six);
}

/* The port is another program's; sharing it would take its connections. */
static void shared_ports(void)
{
        struct sockaddr_in address = ipv4("127.0.0.1", port);
        int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
                escaped("shares a port");
        address.sin_port = 0;
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
                escaped("binds a port of the kernel's choice");
        close(fd);
}

int main(void)
{
        port = (unsigned short)atoi(setting("PORT"));
        abstract_names();
        datagrams();
        routes();
        shared_ports();
        moved_out_of_the_grant();
        moved_into_the_grant();
        still_confined();
        return finished();
}
