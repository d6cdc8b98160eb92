/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/hotplug.h"

#include "base/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	KERNEL_GROUP = 1, /* udev's own words are in group 2 */
	MESSAGE_MAX = 8192,
};

int hotplug_open(void)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
					NETLINK_KOBJECT_UEVENT);
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP};

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return TAKE_FD(fd);
}

bool hotplug_parse(const char *message, size_t size, unsigned int *ret_cpu, bool *ret_is_online)
{
	static const char cpu_path[] = "@/devices/system/cpu/cpu";
	size_t action = strcspn(message, "@");
	bool is_online = action == 6 && !strncmp(message, "online", 6);
	const char *number;
	char *end;
	unsigned long cpu;

	if (!size || message[size - 1])
		return false;
	if (!is_online && (action != 7 || strncmp(message, "offline", 7)))
		return false;
	if (strncmp(message + action, cpu_path, sizeof(cpu_path) - 1))
		return false;
	number = message + action + sizeof(cpu_path) - 1;
	cpu = strtoul(number, &end, 10);
	if (*number < '0' || *number > '9' || *end || cpu > INT_MAX)
		return false;
	*ret_cpu = (unsigned int)cpu;
	*ret_is_online = is_online;
	return true;
}

int hotplug_read(int fd, hotplug_take take, void *context)
{
	char message[MESSAGE_MAX + 1];
	unsigned int cpu;
	bool is_online;

	for (;;) {
		struct sockaddr_nl from = {0};
		socklen_t from_size = sizeof(from);
		ssize_t n =
			recvfrom(fd, message, MESSAGE_MAX, 0, (struct sockaddr *)&from, &from_size);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		message[n] = '\0';
		/* Others may send here too; the kernel's port is 0. */
		if (n > 0 && !from.nl_pid &&
		    hotplug_parse(message, (size_t)n + 1, &cpu, &is_online))
			take(context, cpu, is_online);
	}
}
