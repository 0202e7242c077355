/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The yardstick: starts a program N times, so many at once, by posix_spawn and wait, and writes nothing down.
 * bare SLOTS N PROGRAM
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv)
{
    int slots = argc > 3 ? atoi(argv[1]) : 0, n = argc > 3 ? atoi(argv[2]) : 0, running = 0;
    for (int i = 0; i < n; i++) {
        char *const words[] = {argv[3], NULL};
        pid_t       pid;
        if (running == slots && wait(NULL) > 0)
            running--;
        if (posix_spawn(&pid, argv[3], NULL, NULL, words, environ) != 0)
            return 1;
        running++;
    }
    while (running > 0 && wait(NULL) > 0)
        running--;
    return 0;
}
