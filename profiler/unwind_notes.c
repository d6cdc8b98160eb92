/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/unwind_notes.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "profiler/urgent.h"

#include <stdlib.h>

static const uint64_t PAUSE_NS = 1000000000, BARE_PAUSE_NS = 5000000;

void unwind_notes_init(struct unwind_notes *notes)
{
	*notes = (struct unwind_notes){0};
	urgent_lock_init(&notes->lock);
}

void unwind_notes_release(struct unwind_notes *notes)
{
	free(notes->notes);
	pthread_mutex_destroy(&notes->lock);
}

/* One that stays without tables, as there is no room for it or its files take long, is heard of ever
 * less: each note has all its mappings looked at. */
static bool is_news(struct unwind_notes *notes, const struct wick_sample *sample, bool no_tables)
{
	struct unwind_heard *heard = &notes->heard[sample->pid % UNWIND_HEARD_SLOTS];
	bool is_same = heard->pid == (pid_t)sample->pid && heard->start_ns == sample->start_ns &&
		       heard->exec_id == sample->exec_id;
	uint64_t pause = is_same ? heard->bare_pause_ns : 0;

	if (is_same && sample->time_ns < heard->time_ns + (no_tables ? pause : PAUSE_NS))
		return false;
	if (!no_tables || !pause)
		pause = BARE_PAUSE_NS;
	else if (pause < PAUSE_NS / 2)
		pause *= 2;
	*heard = (struct unwind_heard){(pid_t)sample->pid, sample->start_ns, sample->exec_id,
				       sample->time_ns, pause};
	return true;
}

bool unwind_notes_hear(struct unwind_notes *notes, const struct wick_sample *sample)
{
	bool no_tables = sample->user_end == WICK_END_no_tables;

	if (sample->user_end == WICK_END_no_user || !is_news(notes, sample, no_tables))
		return false;
	pthread_mutex_lock(&notes->lock);
	if (notes->count < UNWIND_NOTES_MAX &&
	    !array_reserve(&notes->notes, &notes->size, (size_t)notes->count + 1))
		notes->notes[notes->count++] = (struct unwind_note){
			(pid_t)sample->pid, (pid_t)sample->tid, sample->start_ns,
			sample->exec_id,    sample->time_ns,	no_tables};
	pthread_mutex_unlock(&notes->lock);
	return no_tables;
}

uint32_t unwind_notes_take(struct unwind_notes *notes, struct unwind_note **ret_notes)
{
	uint32_t count;

	pthread_mutex_lock(&notes->lock);
	*ret_notes = TAKE_PTR(notes->notes);
	count = notes->count;
	notes->count = notes->size = 0;
	pthread_mutex_unlock(&notes->lock);
	return count;
}
