// SPDX-License-Identifier: GPL-2.0-or-later
/* nothing.c - a program that does nothing, linked as vifhotplug is: what a process
 * costs by itself
 */
int main(void)
{
	return 0;
}
