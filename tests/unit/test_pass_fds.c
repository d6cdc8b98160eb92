/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Over real socket pairs, against senders that use sendmsg() as they like. */
#include "base/pass_fds.h"

#include "base/cleanup.h"
#include "tests/test.h"
#include "tests/unit/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

enum { KERNEL_FDS_MAX = 253 }; /* in one message */

struct pair {
	int a, b;
};

static void pair_close(struct pair *pair)
{
	cleanup_closep(&pair->a);
	cleanup_closep(&pair->b);
}

static struct pair pair_open(void)
{
	int ends[2] = {-1, -1};

	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	return (struct pair){ends[0], ends[1]};
}

#define PAIR(name) _cleanup_(pair_close) struct pair name = pair_open()

/* The parts' descriptors, count in each, are all the same one. */
static void send_anyhow(int to, size_t size, size_t parts, size_t count)
{
	static const char bytes[64];
	static union {
		struct cmsghdr align;
		char room[2 * CMSG_SPACE(KERNEL_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = {(void *)bytes, size};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = parts * CMSG_SPACE(count * sizeof(int)),
	};

	for (size_t i = 0; i < parts; i++) {
		char *at = control.room + i * CMSG_SPACE(count * sizeof(int));
		const struct cmsghdr header = {
			.cmsg_len = CMSG_LEN(count * sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};

		memcpy(at, &header, sizeof(header));
		for (size_t k = 0; k < count; k++)
			memcpy(at + CMSG_LEN(k * sizeof(int)), &to, sizeof(to));
	}
	CHECK_INT(sendmsg(to, &message, MSG_DONTWAIT), (ssize_t)size);
}

/* What came is not what there is room for: the error, no descriptor, and the next one is heard. */
static void check_refused(const struct pair *pair, size_t most, int err)
{
	unsigned int before = open_descriptors();
	char bytes[4];
	int fds[PASS_FDS_MAX];

	CHECK_INT(pass_fds_receive(pair->b, bytes, sizeof(bytes), fds, most, MSG_DONTWAIT), err);
	CHECK_INT(open_descriptors(), before);
	CHECK_INT(pass_fds_send(pair->a, "next", 4, NULL, 0, MSG_DONTWAIT), 0);
	CHECK_INT(pass_fds_receive(pair->b, bytes, sizeof(bytes), fds, most, MSG_DONTWAIT), 0);
	CHECK_INT(memcmp(bytes, "next", 4), 0);
	CHECK_INT(open_descriptors(), before);
}

static ino_t inode(int fd)
{
	struct stat st = {0};

	CHECK_INT(fstat(fd, &st), 0);
	return st.st_ino;
}

TEST(bytes_and_descriptors_come_in_order_and_close_on_exec)
{
	PAIR(pair);
	int sent[PASS_FDS_MAX], got[PASS_FDS_MAX];
	char bytes[4];

	for (size_t i = 0; i < PASS_FDS_MAX; i++)
		sent[i] = memfd_create("sent", 0);
	for (size_t n = 0; n <= PASS_FDS_MAX; n++) {
		CHECK_INT(pass_fds_send(pair.a, "four", 4, sent, n, 0), 0);
		CHECK_INT(pass_fds_receive(pair.b, bytes, 4, got, PASS_FDS_MAX, 0), n);
		CHECK_INT(memcmp(bytes, "four", 4), 0);
		for (size_t i = 0; i < n; i++) {
			CHECK_INT(inode(got[i]), inode(sent[i]));
			CHECK_INT(fcntl(got[i], F_GETFD), FD_CLOEXEC);
			close(got[i]);
		}
	}
	for (size_t i = 0; i < PASS_FDS_MAX; i++)
		close(sent[i]);
}

TEST(more_than_the_most_is_neither_sent_nor_received)
{
	PAIR(pair);
	int fds[PASS_FDS_MAX + 1] = {0};
	char byte;

	CHECK_INT(pass_fds_send(pair.a, "", 1, fds, PASS_FDS_MAX + 1, 0), -EINVAL);
	CHECK_INT(pass_fds_receive(pair.b, &byte, 1, fds, PASS_FDS_MAX + 1, MSG_DONTWAIT), -EINVAL);
}

TEST(surplus_descriptors_are_an_error_and_closed)
{
	static const size_t counts[] = {1, 2, 3, PASS_FDS_MAX + 1, KERNEL_FDS_MAX};
	PAIR(pair);

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		for (size_t most = 0; most <= PASS_FDS_MAX && most < counts[i]; most++) {
			send_anyhow(pair.a, 4, 1, counts[i]);
			check_refused(&pair, most, -EBADMSG);
		}
}

TEST(descriptors_in_several_parts_are_counted_together)
{
	PAIR(pair);
	char bytes[4];
	int fds[PASS_FDS_MAX];

	send_anyhow(pair.a, 4, 2, 2);
	check_refused(&pair, 3, -EBADMSG);
	send_anyhow(pair.a, 4, 2, 2);
	CHECK_INT(pass_fds_receive(pair.b, bytes, 4, fds, 4, 0), 4);
	for (size_t i = 0; i < 4; i++)
		CHECK_INT(close(fds[i]), 0);
}

TEST(a_message_of_another_size_leaves_no_descriptors)
{
	PAIR(pair);

	for (size_t count = 0; count <= PASS_FDS_MAX; count++) {
		send_anyhow(pair.a, 3, 1, count);
		check_refused(&pair, PASS_FDS_MAX, -EBADMSG);
		send_anyhow(pair.a, 5, 1, count);
		check_refused(&pair, PASS_FDS_MAX, -EBADMSG);
		send_anyhow(pair.a, 0, 1, count);
		check_refused(&pair, PASS_FDS_MAX, -EPIPE);
	}
}

/* The kernel installs the one that it can and calls the control data truncated. */
TEST(a_full_table_of_descriptors_leaves_none_of_the_message)
{
	PAIR(pair);
	unsigned int before = open_descriptors();
	int lowest_free = dup(pair.b);
	struct rlimit usual, one_more;
	char bytes[4];
	int fds[PASS_FDS_MAX], err;

	close(lowest_free);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &usual), 0);
	one_more = usual;
	one_more.rlim_cur = (rlim_t)lowest_free + 1;
	send_anyhow(pair.a, 4, 1, PASS_FDS_MAX);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &one_more), 0);
	err = pass_fds_receive(pair.b, bytes, 4, fds, PASS_FDS_MAX, 0);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &usual), 0);
	CHECK_INT(err, -EBADMSG);
	CHECK_INT(open_descriptors(), before);
}

TEST(credentials_are_no_descriptors)
{
	PAIR(pair);
	const int on = 1;
	char bytes[4];
	int fds[PASS_FDS_MAX];
	unsigned int before;

	CHECK_INT(setsockopt(pair.b, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	before = open_descriptors();
	send_anyhow(pair.a, 4, 1, 0);
	CHECK_INT(pass_fds_receive(pair.b, bytes, 4, fds, PASS_FDS_MAX, 0), 0);
	send_anyhow(pair.a, 4, 1, 1); /* beside them there is no room for it */
	CHECK_INT(pass_fds_receive(pair.b, bytes, 4, fds, PASS_FDS_MAX, 0), -EBADMSG);
	CHECK_INT(open_descriptors(), before);
}

TEST(without_waiting_an_empty_and_a_full_socket_say_so)
{
	PAIR(pair);
	char byte;
	int err;

	CHECK_INT(pass_fds_receive(pair.b, &byte, 1, NULL, 0, MSG_DONTWAIT), -EAGAIN);
	while (!(err = pass_fds_send(pair.a, "", 1, NULL, 0, MSG_DONTWAIT)))
		;
	CHECK_INT(err, -EAGAIN);
}

TEST(the_other_ends_end_is_an_error_whether_it_has_read_all_or_not)
{
	signal(SIGPIPE, SIG_DFL); /* would end the test, where the kernel sends it */
	for (int unread = 0; unread <= 1; unread++) {
		PAIR(pair);
		char byte;

		if (unread)
			CHECK_INT(pass_fds_send(pair.a, "", 1, &pair.a, 1, 0), 0);
		close(pair.b);
		pair.b = -1;
		CHECK_INT(pass_fds_receive(pair.a, &byte, 1, NULL, 0, 0), -EPIPE);
		CHECK_INT(pass_fds_send(pair.a, "", 1, NULL, 0, 0), -EPIPE);
	}
}

static int peer; /* of whom waits */
static volatile sig_atomic_t signals;

/* What the waiting one waits for comes with the signal that interrupts it. */
static void read_all_and_write(int number)
{
	int err = errno;
	char byte;

	(void)number;
	signals++;
	while (recv(peer, &byte, 1, MSG_DONTWAIT) >= 0)
		;
	send(peer, "", 1, MSG_DONTWAIT);
	errno = err;
}

static void interrupt_soon(int its_peer)
{
	const struct sigaction interrupt = {.sa_handler = read_all_and_write}; /* no SA_RESTART */
	const struct itimerval soon = {.it_value = {.tv_usec = 50000}};

	peer = its_peer;
	signals = 0;
	CHECK_INT(sigaction(SIGALRM, &interrupt, NULL), 0);
	CHECK_INT(setitimer(ITIMER_REAL, &soon, NULL), 0);
}

TEST(a_signal_ends_neither_waiting)
{
	PAIR(pair);
	char byte;

	interrupt_soon(pair.a);
	CHECK_INT(pass_fds_receive(pair.b, &byte, 1, NULL, 0, 0), 0);
	CHECK_INT(signals, 1);
	while (!pass_fds_send(pair.b, "", 1, NULL, 0, MSG_DONTWAIT))
		;
	interrupt_soon(pair.a);
	CHECK_INT(pass_fds_send(pair.b, "", 1, NULL, 0, 0), 0);
	CHECK_INT(signals, 1);
}

TEST_MAIN()
