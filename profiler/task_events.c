/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/task_events.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "profiler/cpus.h"
#include "symbolizer/jitdump.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

/* The trailer of every record (sample_id_all): pid, tid, time. */
enum {
	TRAILER_SIZE = 16,
	RECORD_MAX = 65536,
	MAP_RECORD_MAX = 4096 + 128, /* with the longest path */
	CODE_NAME_MAX = 600,
	TASK_RECORD_MAX = 128,
	TASKS_PART = 4, /* the ring of forks, execs and exits is so much smaller: its records are */
};

/* Mappings cannot wait: their reader wakes for each. Forks and exits can, and in a storm are many. */
enum kind { MAPS, TASKS, KINDS };

/* Memory of the kernel's reserve, without a file that anybody could name. */
static const char HUGE_PAGES[] = "/anon_hugepage";

struct task_ring {
	unsigned int cpu;
	int fd;
	size_t data_size, record_max;
	struct perf_event_mmap_page *page; /* then the data */
	uint64_t last_ns;		   /* time of the last record */
	bool is_full; /* it may have lost records, behind what was there to read */
};

struct cpu_change {
	unsigned int cpu;
	bool is_online;
};

struct task_events {
	struct task_ring *rings;
	size_t ring_count, rings_size;
	size_t data_size[KINDS]; /* of each ring */
	uint32_t wake_bytes[KINDS];
	int epoll_fd;
	pthread_mutex_t lock; /* of the changes that wait for the next drain */
	struct cpu_change *changes;
	size_t change_count, changes_size;
	uint8_t joined[RECORD_MAX]; /* a record that wraps, in one piece */
	char code_name[CODE_NAME_MAX];
};

static int open_event(unsigned int cpu, enum kind kind, uint32_t wake_bytes)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.mmap = kind == MAPS,
		.mmap2 = kind == MAPS,
		.build_id = kind == MAPS,
		.comm = kind == TASKS,
		.comm_exec = kind == TASKS,
		.task = kind == TASKS,
		.ksymbol = kind == TASKS,
		.use_clockid = 1,
		.clockid = CLOCK_BOOTTIME,
		.watermark = 1,
		.wakeup_watermark = wake_bytes,
	};
	long fd = syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0 && errno == EINVAL && attr.build_id) {
		attr.build_id = 0; /* before 5.12 */
		fd = syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
	}
	return fd < 0 ? -errno : (int)fd;
}

static void close_ring(const struct task_ring *ring)
{
	if (ring->page != MAP_FAILED)
		munmap(ring->page, (size_t)sysconf(_SC_PAGESIZE) + ring->data_size);
	close(ring->fd);
}

static int open_ring(struct task_events *events, unsigned int cpu, enum kind kind)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct task_ring ring = {.cpu = cpu,
				 .data_size = events->data_size[kind],
				 .record_max = kind == MAPS ? MAP_RECORD_MAX : TASK_RECORD_MAX};
	int err = array_reserve(&events->rings, &events->rings_size, events->ring_count + 1);

	if (err)
		return err;
	ring.fd = open_event(cpu, kind, events->wake_bytes[kind]);
	if (ring.fd < 0)
		return ring.fd;
	ring.page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE) + ring.data_size,
			 PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, 0);
	if (ring.page == MAP_FAILED ||
	    epoll_ctl(events->epoll_fd, EPOLL_CTL_ADD, ring.fd, &event)) {
		err = -errno;
		close_ring(&ring);
		return err;
	}
	events->rings[events->ring_count++] = ring;
	return 0;
}

static int open_cpu(struct task_events *events, unsigned int cpu)
{
	int err = 0;

	for (enum kind kind = MAPS; !err && kind < KINDS; kind++)
		err = open_ring(events, cpu, kind);
	return err;
}

int task_events_new(unsigned int pages, bool at_once, struct task_events **ret_events)
{
	_cleanup_(task_events_freep) struct task_events *events = calloc(1, sizeof(*events));
	_cleanup_free_ bool *online = NULL;
	int count, err;

	if (!events)
		return -ENOMEM;
	pthread_mutex_init(&events->lock, NULL);
	for (enum kind kind = MAPS; kind < KINDS; kind++) {
		size_t size = pages * (size_t)sysconf(_SC_PAGESIZE);

		if (kind == TASKS && pages >= TASKS_PART)
			size /= TASKS_PART;
		events->data_size[kind] = size;
		events->wake_bytes[kind] = kind == MAPS && at_once ? 1 : (uint32_t)(size / 2);
	}
	events->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (events->epoll_fd < 0)
		return -errno;
	err = cpus_online(&online, &count);
	for (int cpu = 0; !err && cpu < count; cpu++)
		if (online[cpu]) {
			err = open_cpu(events, (unsigned int)cpu);
			if (err == -ENODEV) /* it went just now */
				err = 0;
		}
	if (err)
		return err;
	*ret_events = TAKE_PTR(events);
	return 0;
}

void task_events_free(struct task_events *events)
{
	if (!events)
		return;
	for (size_t i = 0; i < events->ring_count; i++)
		close_ring(&events->rings[i]);
	free(events->rings);
	free(events->changes);
	pthread_mutex_destroy(&events->lock);
	if (events->epoll_fd >= 0)
		close(events->epoll_fd);
	free(events);
}

int task_events_fd(const struct task_events *events)
{
	return events->epoll_fd;
}

/* PERF_RECORD_MMAP2, perf_event_open(2). */
static bool parse_map(struct cursor *c, uint16_t misc, struct task_event *event)
{
	struct {
		uint32_t pid, tid;
		uint64_t addr, len, pgoff;
		union {
			struct {
				uint32_t maj, min;
				uint64_t ino, ino_generation;
			};
			struct {
				uint8_t build_id_size, reserved[3];
				uint8_t build_id[20];
			};
		};
		uint32_t prot, flags;
	} map;

	if (!cursor_copy(c, &map, sizeof(map)) || !cursor_cstr(c, &event->path))
		return false;
	event->kind = TASK_MAP;
	event->pid = (pid_t)map.pid;
	event->tid = (pid_t)map.tid;
	event->start = map.addr;
	event->end = map.addr + map.len;
	event->off = map.pgoff;
	event->is_jitdump = jitdump_is_path(event->path);
	event->is_anonymous = !strcmp(event->path, "//anon") ||
			      !strncmp(event->path, HUGE_PAGES, strlen(HUGE_PAGES));
	if (!(misc & PERF_RECORD_MISC_MMAP_BUILD_ID)) {
		event->dev = makedev(map.maj, map.min);
		event->inode = map.ino;
	} else if (map.build_id_size <= sizeof(event->build_id)) {
		memcpy(event->build_id, map.build_id, map.build_id_size);
		event->build_id_size = map.build_id_size;
	}
	return event->end > event->start;
}

/* PERF_RECORD_FORK and _EXIT have one shape. */
static bool parse_task(struct cursor *c, enum task_event_kind kind, struct task_event *event)
{
	uint32_t pid, ppid, tid, ptid;

	if (!cursor_u32(c, &pid) || !cursor_u32(c, &ppid) || !cursor_u32(c, &tid) ||
	    !cursor_u32(c, &ptid))
		return false;
	event->kind = kind;
	event->pid = (pid_t)pid;
	event->tid = (pid_t)tid;
	event->parent = (pid_t)ppid;
	if (kind == TASK_FORK && pid == ppid)
		event->kind = TASK_THREAD;
	return true;
}

static bool parse_exec(struct cursor *c, uint16_t misc, struct task_event *event)
{
	uint32_t pid, tid;

	if (!(misc & PERF_RECORD_MISC_COMM_EXEC) || !cursor_u32(c, &pid) || !cursor_u32(c, &tid))
		return false;
	event->kind = TASK_EXEC;
	event->pid = (pid_t)pid;
	event->tid = (pid_t)tid;
	return true;
}

/* The module is the one that /proc/kallsyms names. */
static bool parse_code(struct cursor *c, char *name_at, struct task_event *event)
{
	uint64_t addr;
	uint32_t length;
	uint16_t type, flags;
	const char *name, *module = "bpf";

	if (!cursor_u64(c, &addr) || !cursor_u32(c, &length) || !cursor_u16(c, &type) ||
	    !cursor_u16(c, &flags) || !cursor_cstr(c, &name) || !*name)
		return false;
	if (type == PERF_RECORD_KSYMBOL_TYPE_OOL)
		module = strncmp(name, "ftrace", 6) != 0 ? "__builtin__kprobes"
							 : "__builtin__ftrace";
	snprintf(name_at, CODE_NAME_MAX, "%.512s\t[%s]", name, module);
	event->kind = TASK_CODE;
	event->start = addr;
	event->end = addr + length;
	event->is_gone = flags & PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER;
	event->path = name_at;
	return true;
}

static bool parse_lost(struct cursor *c, struct task_event *event)
{
	uint64_t id;

	event->kind = TASK_LOST;
	return cursor_u64(c, &id) && cursor_u64(c, &event->lost);
}

static bool parse_record(const uint8_t *bytes, size_t size, char *name_at,
			 struct task_event *ret_event)
{
	struct perf_event_header head;
	struct task_event event = {0};
	struct cursor c, trailer;
	bool known = false;

	if (size < sizeof(head) + TRAILER_SIZE)
		return false;
	memcpy(&head, bytes, sizeof(head));
	c = cursor_of(bytes + sizeof(head), size - sizeof(head) - TRAILER_SIZE);
	trailer = cursor_of(bytes + size - 8, 8);
	cursor_u64(&trailer, &event.time_ns);
	switch (head.type) {
	case PERF_RECORD_MMAP2:
		known = parse_map(&c, head.misc, &event);
		break;
	case PERF_RECORD_COMM:
		known = parse_exec(&c, head.misc, &event);
		break;
	case PERF_RECORD_FORK:
		known = parse_task(&c, TASK_FORK, &event);
		break;
	case PERF_RECORD_EXIT:
		known = parse_task(&c, TASK_EXIT, &event);
		break;
	case PERF_RECORD_KSYMBOL:
		known = parse_code(&c, name_at, &event);
		break;
	case PERF_RECORD_LOST:
		known = parse_lost(&c, &event);
		break;
	}
	if (known)
		*ret_event = event;
	return known;
}

/* A record in one piece: in place, or copied together where it wraps at the ring's end. */
static const uint8_t *whole_record(struct task_events *events, const struct task_ring *ring,
				   uint64_t at, size_t size)
{
	const uint8_t *data = (const uint8_t *)ring->page + sysconf(_SC_PAGESIZE);
	size_t from = at & (ring->data_size - 1), first = ring->data_size - from;

	if (size <= first)
		return data + from;
	memcpy(events->joined, data + from, first);
	memcpy(events->joined + first, data, size - first);
	return events->joined;
}

/* The kernel tells of a loss with the next record that it has room for: long after it began, and
 * too late for those who read until then. */
static void tell_lost(const struct task_ring *ring, uint64_t lost, task_event_take take,
		      void *context)
{
	take(context,
	     &(struct task_event){.kind = TASK_LOST, .time_ns = ring->last_ns + 1, .lost = lost});
}

static void hand_out(struct task_ring *ring, const struct task_event *event, task_event_take take,
		     void *context)
{
	struct task_event end = *event;

	if (event->kind == TASK_LOST) {
		tell_lost(ring, event->lost, take, context);
		end.lost = 0;
	}
	take(context, &end);
	ring->last_ns = event->time_ns;
}

static bool may_have_lost(const struct task_ring *ring, uint64_t used)
{
	size_t room = used < ring->data_size ? ring->data_size - used : 0;

	return room < ring->record_max && room < ring->data_size / 2;
}

static void drain_ring(struct task_events *events, struct task_ring *ring, task_event_take take,
		       void *context)
{
	uint64_t at = ring->page->data_tail;
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t began = at;
	bool was_full;

	while (at < head) {
		struct perf_event_header record;
		struct task_event event;

		memcpy(&record, whole_record(events, ring, at, sizeof(record)), sizeof(record));
		if (record.size < sizeof(record) || record.size > head - at)
			break;
		if (parse_record(whole_record(events, ring, at, record.size), record.size,
				 events->code_name, &event))
			hand_out(ring, &event, take, context);
		at += record.size;
	}
	__atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
	/* What came while it was read may have filled it. That is before the loss, though read later: the
	 * kernel itself may tell of it too late for who goes by the time. */
	was_full = ring->is_full;
	ring->is_full = may_have_lost(
		ring, __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE) - began);
	if (ring->is_full || was_full)
		tell_lost(ring, 0, take, context);
}

int task_events_cpu(struct task_events *events, unsigned int cpu, bool is_online)
{
	int err;

	pthread_mutex_lock(&events->lock);
	err = array_reserve(&events->changes, &events->changes_size, events->change_count + 1);
	if (!err)
		events->changes[events->change_count++] = (struct cpu_change){cpu, is_online};
	pthread_mutex_unlock(&events->lock);
	return err;
}

static void close_cpu(struct task_events *events, unsigned int cpu, task_event_take take,
		      void *context)
{
	for (size_t i = 0; i < events->ring_count;) {
		if (events->rings[i].cpu != cpu) {
			i++;
			continue;
		}
		drain_ring(events, &events->rings[i], take, context);
		close_ring(&events->rings[i]);
		events->rings[i] = events->rings[--events->ring_count];
	}
}

/* In order: a CPU may have gone and come back more than once. */
static void change_cpus(struct task_events *events, task_event_take take, void *context)
{
	bool has_come = false;

	pthread_mutex_lock(&events->lock);
	for (size_t i = 0; i < events->change_count; i++) {
		close_cpu(events, events->changes[i].cpu, take, context);
		if (events->changes[i].is_online)
			has_come |= !open_cpu(events, events->changes[i].cpu);
	}
	events->change_count = 0;
	pthread_mutex_unlock(&events->lock);
	if (has_come)
		take(context, &(struct task_event){.kind = TASK_LOST, .time_ns = clock_boot_ns()});
}

void task_events_drain(struct task_events *events, task_event_take take, void *context)
{
	change_cpus(events, take, context);
	for (size_t i = 0; i < events->ring_count; i++)
		drain_ring(events, &events->rings[i], take, context);
}
