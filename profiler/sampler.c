/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/sampler.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "profiler/cpus.h"
#include "profiler/system.h"
#include "profiler/urgent.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The embedded object file (bpf_object.S). */
extern const uint8_t wick_bpf_object[], wick_bpf_object_end[];

enum {
	STACKS_MIN = 2048, /* entries of a stack map; 1 KiB each */
	STACKS_MAX = 4096, /* four maps: 18 MB. What does not fit travels whole, so none is lost */
	CHECKS_BYTES = 8 << 20, /* of the checks' ring: some 200 */
	WAKE_SHARE = 4,		/* a ring this part full wakes the reader */
};

struct ring {
	unsigned int cpu;
	int fd;
	uint8_t *consumer; /* a page: consumer position */
	uint8_t *producer; /* a page: producer position; then the data, twice */
	/* The event that samples; NULL while the CPU is offline, and before the start. */
	struct bpf_link *link;
	struct perf_event_mmap_page *notices; /* of the event: throttled or not; NULL = unknown */
};

/* Programs that are loaded and attached when they are of use. */
static const struct follower {
	const char *name;
	bool for_procs, for_pids, for_children;
} followers[] = {
	{"wick_fork", true, false, true},
	{"wick_exit", true, true, true},
	{"wick_exec", true, false, false},
};

enum turn { TURN_IDLE, TURN_ASKED, TURN_DONE, TURN_QUIT };

struct sampler {
	struct sampler_options options;
	unsigned int stack_entries;
	struct bpf_object *object;
	struct bpf_program *tick;
	bool follows;
	struct bpf_link *links[ARRAY_SIZE(followers)]; /* of the followers */
	pthread_mutex_t rings_lock; /* of what a drain reads, which is any thread's */
	struct ring *rings;
	size_t ring_count, rings_size;
	int epoll_fd;
	uint64_t bad_records, throttled;
	bool is_started;

	struct wick_control *control;
	int outer[2];			      /* kstacks, ustacks, by enum sampler_side */
	int inner[2][2];		      /* their maps, by side and slot */
	uint64_t slot_counts[2][WICK_COUNTS]; /* when the slot's last epoch ended */
	int stats_fd;
	struct ring_buffer *checks;

	pthread_t turner;
	bool has_turner;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	enum turn turn;
	int turn_err;
	int bell_fd;
};

/* --- loading --- */

static unsigned int entries_wanted(const struct sampler_options *options, unsigned int cpus)
{
	double want = 2.0 * cpus * options->hz * options->epoch_s;

	if (options->stack_entries)
		return options->stack_entries;
	if (options->whole)
		return 1;
	return want < STACKS_MIN ? STACKS_MIN : want > STACKS_MAX ? STACKS_MAX : (unsigned int)want;
}

static bool has_tables(const struct sampler *sampler)
{
	return sampler->options.tables.shards > 0;
}

/* The largest power of two in the lower half of the depth. */
static uint32_t tail_of(uint32_t depth)
{
	uint32_t tail = 1;

	while (4 * tail <= depth)
		tail *= 2;
	return tail;
}

static void want(const struct sampler *sampler, struct wick_want *ret_want)
{
	const struct sampler_options *options = &sampler->options;

	*ret_want = (struct wick_want){
		.cgroup = options->cgroup.id,
		.hierarchy = options->cgroup.hierarchy,
		.pid_ns = system_pid_namespace(),
		.self = options->exclude_self ? (uint32_t)getpid() : 0,
		.pids = options->pids || options->follow,
		.comms = options->comms != NULL,
	};
}

static int configure(struct sampler *sampler)
{
	struct bpf_map *rodata = bpf_object__find_map_by_name(sampler->object, ".rodata");
	struct wick_config *config;
	size_t size = 0;

	config = rodata ? (struct wick_config *)bpf_map__initial_value(rodata, &size) : NULL;
	if (!config || size < sizeof(*config))
		return -EINVAL;
	if (getrandom(config->key, sizeof(config->key), 0) != sizeof(config->key))
		return -errno;
	config->wake_bytes = sampler->options.ring_bytes / WAKE_SHARE;
	config->kernel = sampler->options.kernel;
	config->user = sampler->options.user;
	config->whole = sampler->options.whole;
	config->unwind = has_tables(sampler);
	config->follow = sampler->options.follow;
	config->track = sampler->options.tables.procs > 0;
	want(sampler, &config->want);
	config->check_every = sampler->options.check_every;
	config->tail = tail_of(sampler->options.max_depth);
	config->head = sampler->options.max_depth - config->tail;
	return 0;
}

/* Of the user stacks' maps: no larger than the depth in use. */
static size_t stack_size(const struct sampler *sampler, enum sampler_side side)
{
	return offsetof(struct wick_stack, pc) +
	       (side == SAMPLER_USER ? sampler->options.max_depth : WICK_DEPTH) * sizeof(uint64_t);
}

static int size_maps(struct sampler *sampler, unsigned int cpus)
{
	const struct sampler_tables *tables = &sampler->options.tables;
	const struct {
		const char *name;
		uint32_t entries;
	} sizes[] = {
		{"rings", cpus},
		{"rules", tables->rules},
		{"pages", tables->pages},
		{"mappings", tables->mappings},
		{"procs", tables->procs},
		{"filter", sampler->options.filter_entries},
		{"shards", tables->shards},
		{"checks", sampler->options.check_every ? CHECKS_BYTES : 0},
	};
	static const char *const stacks[] = {"kstacks", "ustacks"};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(sizes); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(sampler->object, sizes[i].name);

		err = !map		 ? -ENOENT
		      : sizes[i].entries ? bpf_map__set_max_entries(map, sizes[i].entries)
					 : 0;
	}
	for (unsigned int side = 0; !err && side < 2; side++) {
		struct bpf_map *map = bpf_object__find_map_by_name(sampler->object, stacks[side]);

		err = map ? bpf_map__set_value_size(bpf_map__inner_map(map),
						    (uint32_t)stack_size(sampler, side))
			  : -ENOENT;
	}
	return err;
}

static bool wants(const struct sampler *sampler, const struct follower *follower)
{
	return (follower->for_procs && sampler->options.tables.procs) ||
	       (follower->for_pids && sampler->options.pids) ||
	       (follower->for_children && sampler->options.follow);
}

static bool program_info(const struct sampler *sampler, struct bpf_prog_info *ret_info)
{
	uint32_t size = sizeof(*ret_info);

	memset(ret_info, 0, sizeof(*ret_info));
	return !bpf_obj_get_info_by_fd(bpf_program__fd(sampler->tick), ret_info, &size);
}

static int load(struct sampler *sampler)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "wick");
	int cpus = libbpf_num_possible_cpus(), err;
	struct bpf_prog_info info;

	if (cpus < 0)
		return cpus;
	system_listen_to_libbpf();
	sampler->object = bpf_object__open_mem(
		wick_bpf_object, (size_t)(wick_bpf_object_end - wick_bpf_object), &opts);
	if (!sampler->object)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(followers); i++)
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(sampler->object, followers[i].name),
			wants(sampler, &followers[i]));
	bpf_program__set_autoload(bpf_object__find_program_by_name(sampler->object, "wick_tasks"),
				  has_tables(sampler));
	sampler->stack_entries = entries_wanted(&sampler->options, (unsigned int)cpus);
	err = size_maps(sampler, (unsigned int)cpus);
	if (!err)
		err = configure(sampler);
	if (!err)
		err = bpf_object__load(sampler->object);
	if (err)
		return err;
	sampler->tick = bpf_object__find_program_by_name(sampler->object, "wick_tick");
	if (!sampler->tick)
		return -ENOENT;
	if (program_info(sampler, &info))
		log_debug("the program has %u verified instructions", info.verified_insns);
	return 0;
}

int sampler_map(const struct sampler *sampler, const char *name)
{
	return bpf_object__find_map_fd_by_name(sampler->object, name);
}

int sampler_identity(const struct sampler *sampler, pid_t pid, uint64_t *ret_start_ns,
		     uint64_t *ret_exec_id)
{
	uint32_t key = (uint32_t)pid;
	struct wick_proc proc;

	if (bpf_map_lookup_elem(sampler_map(sampler, "procs"), &key, &proc))
		return -errno;
	*ret_start_ns = proc.start_ns;
	*ret_exec_id = proc.exec_id;
	return 0;
}

static int map_control(struct sampler *sampler)
{
	void *at = mmap(NULL, sizeof(*sampler->control), PROT_READ | PROT_WRITE, MAP_SHARED,
			sampler_map(sampler, "control"), 0);

	if (at == MAP_FAILED)
		return -errno;
	sampler->control = at;
	return 0;
}

/* --- rings --- */

static int ring_map(struct ring *ring, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	ring->fd =
		bpf_map_create(BPF_MAP_TYPE_RINGBUF, "wick_ring", 0, 0, (unsigned int)size, NULL);
	if (ring->fd < 0)
		return -errno;
	ring->consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (ring->consumer == MAP_FAILED)
		return -errno;
	ring->producer = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, ring->fd, (off_t)page);
	return ring->producer == MAP_FAILED ? -errno : 0;
}

static void ring_close(const struct ring *ring, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (ring->consumer && ring->consumer != MAP_FAILED)
		munmap(ring->consumer, page);
	if (ring->producer && ring->producer != MAP_FAILED)
		munmap(ring->producer, page + 2 * size);
	if (ring->fd >= 0)
		close(ring->fd);
}

/* One that can be drained. */
static int ring_add(struct sampler *sampler, const struct ring *ring)
{
	int err;

	pthread_mutex_lock(&sampler->rings_lock);
	err = array_reserve(&sampler->rings, &sampler->rings_size, sampler->ring_count + 1);
	if (!err)
		sampler->rings[sampler->ring_count++] = *ring;
	pthread_mutex_unlock(&sampler->rings_lock);
	return err;
}

static int ring_open(struct sampler *sampler, unsigned int cpu)
{
	/* Edges only: a level would wake for every record that comes after the first. */
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = cpu};
	struct ring ring = {.cpu = cpu};
	int err = ring_map(&ring, sampler->options.ring_bytes);

	if (!err && epoll_ctl(sampler->epoll_fd, EPOLL_CTL_ADD, ring.fd, &event))
		err = -errno;
	if (!err)
		err = ring_add(sampler, &ring);
	if (err)
		ring_close(&ring, sampler->options.ring_bytes);
	return err;
}

static int publish_ring(struct sampler *sampler, const struct ring *ring)
{
	return bpf_map_update_elem(sampler_map(sampler, "rings"), &ring->cpu, &ring->fd, BPF_ANY)
		       ? -errno
		       : 0;
}

/* Gives the rings to the program: in one batch, as each update by itself waits for an RCU grace
 * period (10 ms a CPU); one by one where the kernel has no batch for maps of maps. */
static int publish_rings(struct sampler *sampler)
{
	_cleanup_free_ uint32_t *cpus = calloc(sampler->ring_count, sizeof(*cpus));
	_cleanup_free_ int *fds = calloc(sampler->ring_count, sizeof(*fds));
	uint32_t count = (uint32_t)sampler->ring_count;
	int err = 0;

	if (!cpus || !fds)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		cpus[i] = sampler->rings[i].cpu;
		fds[i] = sampler->rings[i].fd;
	}
	if (!bpf_map_update_batch(sampler_map(sampler, "rings"), cpus, fds, &count, NULL))
		return 0;
	for (size_t i = 0; !err && i < sampler->ring_count; i++)
		err = publish_ring(sampler, &sampler->rings[i]);
	return err;
}

/* Every CPU that is online. */
static int open_rings(struct sampler *sampler)
{
	_cleanup_free_ bool *online = NULL;
	int count, err;

	err = cpus_online(&online, &count);
	for (int cpu = 0; !err && cpu < count; cpu++)
		if (online[cpu])
			err = ring_open(sampler, (unsigned int)cpu);
	return err ? err : publish_rings(sampler);
}

size_t sampler_whole_pcs(const struct wick_sample *sample)
{
	return (sample->flags & WICK_USER_WHOLE ? sample->user_n : 0u) +
	       (sample->flags & WICK_KERNEL_WHOLE ? sample->kernel_n : 0u);
}

static void give(struct sampler *sampler, const uint8_t *bytes, size_t size, sampler_record record,
		 void *context)
{
	const struct wick_sample *sample = (const void *)bytes;

	if (size < sizeof(*sample) ||
	    size != sizeof(*sample) + sampler_whole_pcs(sample) * sizeof(uint64_t)) {
		sampler->bad_records++;
		return;
	}
	record(context, sample);
}

/* Layout: Documentation/bpf/ringbuf.rst. A record is an 8-byte head (length, with two flag bits on
 * top) and its bytes, rounded up to 8; the data area is mapped twice, so no record wraps. */
static void drain_ring(struct sampler *sampler, const struct ring *ring, sampler_record record,
		       void *context)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), mask = sampler->options.ring_bytes - 1;
	unsigned long *consumer = (unsigned long *)ring->consumer;
	unsigned long *producer = (unsigned long *)ring->producer;
	unsigned long at = *consumer, end = __atomic_load_n(producer, __ATOMIC_ACQUIRE);

	while (at < end) {
		const uint8_t *head = ring->producer + page + (at & mask);
		uint32_t length = __atomic_load_n((const uint32_t *)head, __ATOMIC_ACQUIRE);

		if (length & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(length & BPF_RINGBUF_DISCARD_BIT))
			give(sampler, head + BPF_RINGBUF_HDR_SZ, length, record, context);
		length &= ~BPF_RINGBUF_DISCARD_BIT;
		at += (length + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
		__atomic_store_n(consumer, at, __ATOMIC_RELEASE);
	}
}

/* perf_event_open(2), the ring's layout. The records here are few and of one size class: 32 bytes,
 * so none wraps. */
static void drain_notices(struct sampler *sampler, const struct ring *ring)
{
	const uint8_t *data = (const uint8_t *)ring->notices + sysconf(_SC_PAGESIZE);
	uint64_t at, head;

	if (!ring->notices)
		return;
	at = ring->notices->data_tail;
	head = __atomic_load_n(&ring->notices->data_head, __ATOMIC_ACQUIRE);
	while (at < head) {
		const struct perf_event_header *record =
			(const void *)(data + (at & ((size_t)sysconf(_SC_PAGESIZE) - 1)));

		sampler->throttled += record->type == PERF_RECORD_THROTTLE;
		at += record->size ? record->size : head - at;
	}
	__atomic_store_n(&ring->notices->data_tail, head, __ATOMIC_RELEASE);
}

static int give_check(void *context, void *bytes, size_t size)
{
	const struct sampler *sampler = context;

	if (size == sizeof(struct wick_check))
		sampler->options.check(sampler->options.check_context, bytes);
	return 0;
}

static int open_checks(struct sampler *sampler)
{
	if (!sampler->options.check_every)
		return 0;
	sampler->checks =
		ring_buffer__new(sampler_map(sampler, "checks"), give_check, sampler, NULL);
	return sampler->checks ? 0 : -errno;
}

void sampler_drain(struct sampler *sampler, sampler_record record, void *context)
{
	struct epoll_event events[16];

	pthread_mutex_lock(&sampler->rings_lock);
	while (epoll_wait(sampler->epoll_fd, events, ARRAY_SIZE(events), 0) == ARRAY_SIZE(events))
		;
	for (size_t i = 0; i < sampler->ring_count; i++) {
		drain_ring(sampler, &sampler->rings[i], record, context);
		drain_notices(sampler, &sampler->rings[i]);
	}
	pthread_mutex_unlock(&sampler->rings_lock);
}

void sampler_drain_checks(struct sampler *sampler)
{
	if (sampler->checks)
		ring_buffer__consume(sampler->checks);
}

static uint64_t read_count(struct sampler *sampler, const uint64_t *count)
{
	uint64_t now;

	pthread_mutex_lock(&sampler->rings_lock);
	now = *count;
	pthread_mutex_unlock(&sampler->rings_lock);
	return now;
}

uint64_t sampler_throttled(struct sampler *sampler)
{
	return read_count(sampler, &sampler->throttled);
}

uint64_t sampler_bad_records(struct sampler *sampler)
{
	return read_count(sampler, &sampler->bad_records);
}

int sampler_ring_fd(const struct sampler *sampler)
{
	return sampler->epoll_fd;
}

/* --- epochs --- */

static int fresh_stacks(struct sampler *sampler, unsigned int side, unsigned int slot)
{
	static const char *const names[] = {"wick_kstacks", "wick_ustacks"};
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, names[side], sizeof(uint64_t),
				(uint32_t)stack_size(sampler, side), sampler->stack_entries, NULL);
	int old, err = 0;

	if (fd < 0)
		return -errno;
	if (bpf_map_update_elem(sampler->outer[side], &slot, &fd, BPF_ANY)) {
		err = -errno;
		close(fd);
		return err;
	}
	old = __atomic_exchange_n(&sampler->inner[side][slot], fd, __ATOMIC_ACQ_REL);
	if (old >= 0)
		close(old);
	return 0;
}

/* The kernel waits for a grace period after each update of a map of maps, so that nothing runs with
 * the old inner map; an update that changes nothing is the wait alone. */
static int wait_for_runs(struct sampler *sampler, unsigned int slot)
{
	return bpf_map_update_elem(sampler->outer[0], &slot, &sampler->inner[0][slot], BPF_ANY)
		       ? -errno
		       : 0;
}

static int turn_epoch(struct sampler *sampler)
{
	uint32_t next = sampler->control->epoch + 1;
	int err = 0;

	for (unsigned int side = 0; !err && side < 2; side++)
		err = fresh_stacks(sampler, side, next & 1);
	if (err)
		return err;
	__atomic_store_n(&sampler->control->epoch, next, __ATOMIC_SEQ_CST);
	return wait_for_runs(sampler, next & 1);
}

static void *turner_main(void *context)
{
	struct sampler *sampler = context;

	pthread_setname_np(pthread_self(), "wick-epochs");
	pthread_mutex_lock(&sampler->lock);
	while (sampler->turn != TURN_QUIT) {
		uint64_t one = 1;
		int err;

		if (sampler->turn != TURN_ASKED) {
			pthread_cond_wait(&sampler->wake, &sampler->lock);
			continue;
		}
		pthread_mutex_unlock(&sampler->lock);
		err = turn_epoch(sampler);
		pthread_mutex_lock(&sampler->lock);
		sampler->turn_err = err;
		if (sampler->turn == TURN_ASKED)
			sampler->turn = err ? TURN_IDLE : TURN_DONE;
		if (!err && write(sampler->bell_fd, &one, sizeof(one)) < 0)
			log_debug("epoch bell: %s", strerror(errno));
		pthread_cond_broadcast(&sampler->wake);
	}
	pthread_mutex_unlock(&sampler->lock);
	return NULL;
}

void sampler_turn(struct sampler *sampler)
{
	pthread_mutex_lock(&sampler->lock);
	if (sampler->turn == TURN_IDLE) {
		sampler->turn = TURN_ASKED;
		pthread_cond_broadcast(&sampler->wake);
	}
	pthread_mutex_unlock(&sampler->lock);
}

int sampler_bell_fd(const struct sampler *sampler)
{
	return sampler->bell_fd;
}

bool sampler_has_ended(struct sampler *sampler)
{
	bool done;

	pthread_mutex_lock(&sampler->lock);
	done = sampler->turn == TURN_DONE;
	pthread_mutex_unlock(&sampler->lock);
	return done;
}

int sampler_wait(struct sampler *sampler)
{
	int err;

	pthread_mutex_lock(&sampler->lock);
	while (sampler->turn == TURN_ASKED)
		pthread_cond_wait(&sampler->wake, &sampler->lock);
	err = sampler->turn == TURN_DONE ? 0 : sampler->turn_err;
	pthread_mutex_unlock(&sampler->lock);
	return err;
}

/* The counts of a slot since its last epoch, summed over the CPUs. */
static void take_counts(struct sampler *sampler, uint32_t slot, uint64_t ret_counts[WICK_COUNTS])
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct wick_counters *each = calloc((size_t)cpus, sizeof(*each));
	uint64_t sum[WICK_COUNTS] = {0};

	if (!each || bpf_map_lookup_elem(sampler_map(sampler, "counters"), &slot, each))
		return;
	for (int cpu = 0; cpu < cpus; cpu++)
		for (size_t i = 0; i < WICK_COUNTS; i++)
			sum[i] += each[cpu].of[i];
	for (size_t i = 0; i < WICK_COUNTS; i++)
		ret_counts[i] = sum[i] - sampler->slot_counts[slot][i];
	memcpy(sampler->slot_counts[slot], sum, sizeof(sum));
}

bool sampler_take_epoch(struct sampler *sampler, struct sampler_epoch *ret_epoch)
{
	uint64_t rings;
	bool done;

	pthread_mutex_lock(&sampler->lock);
	done = sampler->turn == TURN_DONE;
	if (done) {
		if (read(sampler->bell_fd, &rings, sizeof(rings)) < 0)
			log_debug("epoch bell: %s", strerror(errno));
		*ret_epoch = (struct sampler_epoch){.epoch = sampler->control->epoch - 1};
		take_counts(sampler, ret_epoch->epoch & 1, ret_epoch->counts);
		sampler->turn = TURN_IDLE;
	}
	pthread_mutex_unlock(&sampler->lock);
	return done;
}

int sampler_fetch(struct sampler *sampler, enum sampler_side side, uint32_t epoch, uint64_t hash,
		  uint32_t check, struct wick_stack *ret_stack)
{
	unsigned int depth = side == SAMPLER_USER ? sampler->options.max_depth : WICK_DEPTH;

	/* The turner wrote it before the kernel could make records of that epoch. */
	int stacks = __atomic_load_n(&sampler->inner[side][epoch & 1], __ATOMIC_ACQUIRE);

	if (bpf_map_lookup_elem(stacks, &hash, ret_stack))
		return -errno;
	return ret_stack->check == check && ret_stack->n <= depth ? 0 : -ENOENT;
}

/* --- life --- */

static int fill_filter(const struct sampler *sampler)
{
	const char *comms = sampler->options.comms;
	uint8_t one = 1;

	for (size_t i = 0; i < sampler->options.pid_count; i++) {
		uint32_t pid = (uint32_t)sampler->options.pids[i];

		if (bpf_map_update_elem(sampler_map(sampler, "filter"), &pid, &one, BPF_ANY))
			return -errno;
	}
	while (comms && *comms) {
		char comm[WICK_COMM] = {0};
		size_t length = strcspn(comms, ",");

		/* The kernel cuts names to what it has room for. */
		memcpy(comm, comms, length < WICK_COMM - 1 ? length : WICK_COMM - 1);
		if (bpf_map_update_elem(sampler_map(sampler, "comms"), comm, &one, BPF_ANY))
			return -errno;
		comms += length + (comms[length] == ',');
	}
	return 0;
}

static int prepare(struct sampler *sampler)
{
	int err;

	sampler->outer[SAMPLER_KERNEL] = sampler_map(sampler, "kstacks");
	sampler->outer[SAMPLER_USER] = sampler_map(sampler, "ustacks");
	err = map_control(sampler);
	for (unsigned int side = 0; !err && side < 2; side++)
		err = fresh_stacks(sampler, side, 0);
	if (!err)
		err = open_rings(sampler);
	if (!err)
		err = fill_filter(sampler);
	if (!err)
		err = open_checks(sampler);
	if (!err) {
		err = -pthread_create(&sampler->turner, NULL, turner_main, sampler);
		sampler->has_turner = !err;
	}
	return err;
}

static bool is_too_many(const struct sampler_options *options)
{
	unsigned int most = options->filter_entries ? options->filter_entries : WICK_FILTER_MAX;

	if (options->pid_count <= most)
		return false;
	log_error("%zu processes are more than can be followed: %u", options->pid_count, most);
	log_hint("name a control group of theirs with --cgroup, or sample all with -a");
	return true;
}

int sampler_new(const struct sampler_options *options, struct sampler **ret_sampler)
{
	_cleanup_(sampler_freep) struct sampler *sampler = NULL;
	int err;

	if (is_too_many(options))
		return -E2BIG;
	sampler = calloc(1, sizeof(*sampler));
	if (!sampler)
		return -ENOMEM;
	sampler->options = *options;
	memset(sampler->inner, -1, sizeof(sampler->inner));
	sampler->stats_fd = -1;
	pthread_mutex_init(&sampler->lock, NULL);
	urgent_lock_init(&sampler->rings_lock);
	pthread_cond_init(&sampler->wake, NULL);
	sampler->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	sampler->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sampler->epoll_fd < 0 || sampler->bell_fd < 0)
		return -errno;
	if (options->count_runs)
		sampler->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	err = load(sampler);
	if (!err)
		err = prepare(sampler);
	if (err) {
		system_explain_bpf(err);
		return err;
	}
	*ret_sampler = TAKE_PTR(sampler);
	return 0;
}

static int open_event(const struct sampler *sampler, unsigned int cpu)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000 / sampler->options.hz,
		.exclude_idle = 1,
		.disabled = 1,
	};
	long fd;

	if (sampler->options.cycles) {
		attr.type = PERF_TYPE_HARDWARE;
		attr.config = PERF_COUNT_HW_CPU_CYCLES;
		attr.freq = 1;
		attr.sample_freq = sampler->options.hz;
	}
	fd = syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

static struct perf_event_mmap_page *swap_notices(struct sampler *sampler, struct ring *ring,
						 struct perf_event_mmap_page *notices)
{
	struct perf_event_mmap_page *old;

	pthread_mutex_lock(&sampler->rings_lock);
	old = ring->notices;
	ring->notices = notices;
	pthread_mutex_unlock(&sampler->rings_lock);
	return old;
}

static void detach_cpu(struct sampler *sampler, struct ring *ring)
{
	struct perf_event_mmap_page *notices = swap_notices(sampler, ring, NULL);

	bpf_link__destroy(TAKE_PTR(ring->link));
	/* The mapping holds the event as well. */
	if (notices)
		munmap(notices, 2 * (size_t)sysconf(_SC_PAGESIZE));
}

/* Where the kernel tells that it throttles. Not to know that is no reason not to sample. */
static void map_notices(struct sampler *sampler, struct ring *ring, int fd)
{
	void *at = mmap(NULL, 2 * (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
			fd, 0);

	if (at == MAP_FAILED)
		log_debug("cpu %u: no notice of throttling: %s", ring->cpu, strerror(errno));
	else
		swap_notices(sampler, ring, at);
}

/* -ENODEV: the CPU is offline. */
static int attach_cpu(struct sampler *sampler, struct ring *ring)
{
	int fd = open_event(sampler, ring->cpu), err;

	if (fd < 0) {
		if (fd != -ENODEV)
			system_explain_perf(fd, sampler_event(sampler));
		return fd;
	}
	map_notices(sampler, ring, fd);
	/* The link owns the descriptor once it exists. */
	ring->link = bpf_program__attach_perf_event(sampler->tick, fd);
	if (ring->link)
		return 0;
	err = -errno;
	system_explain_bpf(err);
	close(fd);
	detach_cpu(sampler, ring);
	return err;
}

int sampler_follow(struct sampler *sampler)
{
	for (size_t i = 0; !sampler->follows && i < ARRAY_SIZE(followers); i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(sampler->object, followers[i].name);

		if (!wants(sampler, &followers[i]))
			continue;
		sampler->links[i] = bpf_program__attach(program);
		if (!sampler->links[i]) {
			int err = -errno;

			system_explain_bpf(err);
			return err;
		}
	}
	sampler->follows = true;
	return 0;
}

int sampler_start(struct sampler *sampler)
{
	int err = sampler_follow(sampler);

	for (size_t i = 0; !err && i < sampler->ring_count; i++) {
		err = attach_cpu(sampler, &sampler->rings[i]);
		if (err == -ENODEV) /* it went just now; hotplug will tell when it is back */
			err = 0;
	}
	sampler->is_started = !err;
	return err;
}

int sampler_tasks(struct sampler *sampler, sampler_task take, void *context)
{
	struct bpf_program *program =
		bpf_object__find_program_by_name(sampler->object, "wick_tasks");
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	struct wick_task tasks[128];
	int fd, err = 0;
	ssize_t n = 0;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		err = -errno;
	while (fd >= 0 && (n = read(fd, tasks, sizeof(tasks))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(tasks[0]); i++)
			take(context, &tasks[i]);
	if (n < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return err;
}

void sampler_stop(struct sampler *sampler)
{
	sampler->is_started = false;
	for (size_t i = 0; i < ARRAY_SIZE(sampler->links); i++)
		bpf_link__destroy(TAKE_PTR(sampler->links[i]));
	for (size_t i = 0; i < sampler->ring_count; i++)
		detach_cpu(sampler, &sampler->rings[i]);
}

static struct ring *ring_of(struct sampler *sampler, unsigned int cpu)
{
	for (size_t i = 0; i < sampler->ring_count; i++)
		if (sampler->rings[i].cpu == cpu)
			return &sampler->rings[i];
	return NULL;
}

void sampler_cpu_offline(struct sampler *sampler, unsigned int cpu)
{
	struct ring *ring = ring_of(sampler, cpu);

	if (ring)
		detach_cpu(sampler, ring);
}

void sampler_cpu_online(struct sampler *sampler, unsigned int cpu)
{
	struct ring *ring = ring_of(sampler, cpu);
	int err = 0;

	if (!sampler->is_started)
		return;
	if (ring) {
		detach_cpu(sampler, ring);
	} else {
		err = ring_open(sampler, cpu);
		ring = ring_of(sampler, cpu);
		if (!err)
			err = publish_ring(sampler, ring);
	}
	if (!err)
		err = attach_cpu(sampler, ring);
	if (err && err != -ENODEV)
		log_warn("cpu %u came online and is not sampled: %s", cpu, strerror(-err));
}

static void stop_turner(struct sampler *sampler)
{
	pthread_mutex_lock(&sampler->lock);
	sampler->turn = TURN_QUIT;
	pthread_cond_broadcast(&sampler->wake);
	pthread_mutex_unlock(&sampler->lock);
	pthread_join(sampler->turner, NULL);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return;
	sampler_stop(sampler);
	if (sampler->has_turner)
		stop_turner(sampler);
	for (size_t i = 0; i < sampler->ring_count; i++)
		ring_close(&sampler->rings[i], sampler->options.ring_bytes);
	free(sampler->rings);
	ring_buffer__free(sampler->checks);
	for (size_t i = 0; i < 4; i++)
		close_fd(sampler->inner[i / 2][i % 2]);
	if (sampler->control)
		munmap(sampler->control, sizeof(*sampler->control));
	bpf_object__close(sampler->object);
	close_fd(sampler->epoll_fd);
	close_fd(sampler->bell_fd);
	close_fd(sampler->stats_fd);
	pthread_mutex_destroy(&sampler->lock);
	pthread_mutex_destroy(&sampler->rings_lock);
	pthread_cond_destroy(&sampler->wake);
	free(sampler);
}

const char *sampler_event(const struct sampler *sampler)
{
	return sampler->options.cycles ? "cycles" : "cpu-clock";
}

void sampler_runs(const struct sampler *sampler, uint64_t *ret_runs, uint64_t *ret_run_ns)
{
	struct bpf_prog_info info;
	bool known = program_info(sampler, &info);

	*ret_runs = known ? info.run_cnt : 0;
	*ret_run_ns = known ? info.run_time_ns : 0;
}
