/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about addresses: 0, or the errno of who refuses them. What the network itself says is 0, too. */
#ifndef FLICKER_TESTS_DIFFERENTIAL_JUDGE_H
#define FLICKER_TESTS_DIFFERENTIAL_JUDGE_H

int ask_bind_tcp(const char *host, const char *port);
int ask_bind_udp(const char *host, const char *port);
int ask_connect_tcp(const char *host, const char *port);
int ask_connect_udp(const char *host, const char *port);
int ask_send_udp(const char *host, const char *port);
int ask_bind_unix(const char *path, const char *other);
int ask_connect_unix(const char *path, const char *other);

#endif
