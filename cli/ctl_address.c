/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "cli/run_paths.h"

static int parse_unix(const char *text, struct ctl_address *address)
{
        struct sockaddr_un *to = (struct sockaddr_un *)&address->address;
        size_t length = strlen(text);

        if (length == 0 || length >= sizeof to->sun_path || (text[0] != '/' && text[0] != '@'))
                return -EINVAL;
        to->sun_family = AF_UNIX;
        memcpy(to->sun_path, text, length);
        if (text[0] == '@')
                to->sun_path[0] = '\0';
        else if (!run_path_resolve(text, address->unix_path))
                return -EINVAL;
        address->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
        return 0;
}

static int parse_port(const char *text, in_port_t *ret_port)
{
        char *end;
        unsigned long port = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || *end || port > 65535)
                return -EINVAL;
        *ret_port = htons((in_port_t)port);
        return 0;
}

static int parse_inet(const char *text, struct ctl_address *address)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *)&address->address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->address;
        const char *colon = strrchr(text, ':');
        char host[INET6_ADDRSTRLEN + 2];
        size_t length = colon ? (size_t)(colon - text) : sizeof host;

        if (length >= sizeof host || length == 0)
                return -EINVAL;
        memcpy(host, text, length);
        host[length] = '\0';
        if (host[0] == '[' && host[length - 1] == ']') {
                host[length - 1] = '\0';
                v6->sin6_family = AF_INET6;
                address->size = sizeof *v6;
                return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1
                               ? parse_port(colon + 1, &v6->sin6_port)
                               : -EINVAL;
        }
        v4->sin_family = AF_INET;
        address->size = sizeof *v4;
        return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? parse_port(colon + 1, &v4->sin_port) : -EINVAL;
}

int ctl_address_parse(const char *text, struct ctl_address *ret_address)
{
        memset(ret_address, 0, sizeof *ret_address);
        if (strncmp(text, "unix:", 5) == 0)
                return parse_unix(text + 5, ret_address);
        if (strncmp(text, "tcp:", 4) == 0)
                ret_address->protocol = IPPROTO_TCP;
        else if (strncmp(text, "udp:", 4) == 0)
                ret_address->protocol = IPPROTO_UDP;
        else
                return -EINVAL;
        return parse_inet(text + 4, ret_address);
}
