/* SPDX-License-Identifier: Apache-2.0 */
/* An address as a person writes it, for policy explain: one address, not a rule's pattern. */
#ifndef FLICKER_CLI_CTL_ADDRESS_H
#define FLICKER_CLI_CTL_ADDRESS_H

#include <limits.h>
#include <sys/socket.h>

struct ctl_address {
        int protocol; /* IPPROTO_TCP, IPPROTO_UDP, 0 for AF_UNIX */
        struct sockaddr_storage address;
        socklen_t size;
        char unix_path[PATH_MAX]; /* resolved; empty for abstract ones */
};

/* "tcp:127.0.0.1:80", "udp:[::1]:53", "unix:/run/x", "unix:@name". 0 or -EINVAL. */
int ctl_address_parse(const char *text, struct ctl_address *ret_address);

#endif
