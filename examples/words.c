/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Text in, text and numbers out.
 *
 *     ls | yoke map words.c:shout -
 *     yoke map words.c:count 'to be or not to be' -a lines.txt
 */
#include <yoke/yoke.h>

#include <ctype.h>
#include <string.h>

/* Text that is made for the result lies in the task's scratch memory. */
const char *shout(yoke_task *t, const char *text)
{
    size_t n = strlen(text);
    char  *loud = yoke_task_scratch(t, n + 2);
    if (!loud)
        return NULL;
    for (size_t i = 0; i < n; i++)
        loud[i] = (char)toupper((unsigned char)text[i]);
    strcpy(loud + n, "!");
    return loud;
}
YOKE_FUNCTION(const char *, shout, yoke_task *, const char *);

/* Words and letters of a text. */
void count(const char *text, int *words, int *letters)
{
    bool in_word = false;
    *words = *letters = 0;
    for (; *text; text++) {
        bool is_letter = isalpha((unsigned char)*text) != 0;
        *letters += is_letter;
        *words += is_letter && !in_word;
        in_word = is_letter;
    }
}
YOKE_FUNCTION(void, count, const char *, int *, int *);
