/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_signals.h"

#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/run_control.h"

void run_signals_pass_on(int signals, int control, struct run_witness *witness)
{
        struct control_message message = {.kind = CONTROL_SIGNAL};
        struct signalfd_siginfo info;

        if (read(signals, &info, sizeof info) != (ssize_t)sizeof info)
                return;
        /* Its own: children of the broker, and SIGPIPE, SIGXFSZ for what it wrote itself. */
        if (info.ssi_signo == SIGCHLD || ((pid_t)info.ssi_pid == getpid() && info.ssi_code == SI_USER))
                return;
        /* The program has what was sent to its group, unless it has left that. */
        if (run_witness_saw(witness, (int)info.ssi_signo) || (!witness->pid && info.ssi_code == SI_KERNEL))
                message.flags = CONTROL_IF_ELSEWHERE;
        message.value = (int32_t)info.ssi_signo;
        message.code = info.ssi_code;
        message.number = (int64_t)info.ssi_ptr;
        message.pid = (int32_t)info.ssi_pid;
        message.uid = (int32_t)info.ssi_uid;
        run_control_send(control, &message);
}

void run_signals_stop(int signal)
{
        struct sigaction standard = {.sa_handler = SIG_DFL}, before;
        sigset_t pending, only;

        /* Continued already, before there was time to stop. */
        if (sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 1)
                return;
        if (signal != SIGTSTP && signal != SIGTTIN && signal != SIGTTOU) {
                raise(SIGSTOP);
                return;
        }
        sigemptyset(&only);
        sigaddset(&only, signal);
        sigaction(signal, &standard, &before);
        raise(signal);
        pthread_sigmask(SIG_UNBLOCK, &only, NULL); /* stops here */
        pthread_sigmask(SIG_BLOCK, &only, NULL);
        sigaction(signal, &before, NULL);
}
