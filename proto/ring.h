/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring: one sealed memfd per process, created by the broker, mapped by the agent (MADV_DONTFORK).
 * It carries syscall requests while a broker thread polls it, and nothing else: a request that finds
 * nobody polling runs natively and reaches the broker as a seccomp notification.
 *
 * A slot holds register values. Memory that they point to is read by the broker from the process, once,
 * exactly as for a notification, so both ways share one path from there on. To save the broker two trips into
 * the process's memory, a slot may bring a short path along (struct fl_slot_text), and may take back a short
 * result for the agent to put in its place (fl_slot.out_size). Neither is trusted more than the process's
 * memory is.
 *
 * Every shared word has one writer. Hand-over of slot i, generation g:
 *
 *   agent                                     broker (only while fl_ring.polling is non-zero)
 *   claims bit i in its private bitmap
 *   sets bit i of used, once for all (seq_cst)
 *   fills tid, nr, args (release)
 *   request = g|SUBMITTED   (seq_cst)  ---->  reads used, request (seq_cst), copies the slot (acquire)
 *                                             reply_state = g|TAKEN (seq_cst), reads request again
 *                                             (seq_cst): changed -> reply_state = g|CANCELLED, done
 *                                             works; fills answer, result
 *   reads reply_state (acquire)       <----   reply_state = g|DONE (seq_cst); FUTEX_WAKE if sleeping
 *   frees bit i; the next use has generation g+1 (modulo 2^29)
 *
 * Dekker pairs, by seq_cst accesses to the words themselves: (agent: used, request=SUBMITTED; reads polling)
 * with (broker: polling=0; scans used and requests once more), (agent: request=WITHDRAWN; reads
 * reply_state) with (broker: TAKEN; reads request), and (agent: sleeping=1; reads reply_state) with (broker:
 * DONE or CANCELLED; reads sleeping). An agent that sees polling == 0 after submitting withdraws: if
 * reply_state is not g|TAKEN, g|DONE or g|CANCELLED then, the slot is its own again and the call runs
 * natively; after TAKEN it waits for DONE or CANCELLED. An agent may wait with FUTEX_WAIT on reply_state
 * after setting sleeping to non-zero (seq_cst) and reading reply_state once more.
 */
#ifndef FL_PROTO_RING_H
#define FL_PROTO_RING_H

#include <stdint.h>

#define FL_RING_MAGIC 0x32676e6972316c66ull /* "fl1ring2" */
#define FL_RING_SLOTS 64u

/* Low three bits of request and reply_state; the generation is in the 29 bits above. */
enum fl_slot_state {
        FL_SLOT_FREE = 0,
        FL_SLOT_SUBMITTED = 1, /* request: by the agent */
        FL_SLOT_WITHDRAWN = 2, /* request: by the agent */
        FL_SLOT_TAKEN = 3,     /* reply_state: by the broker */
        FL_SLOT_DONE = 4,      /* reply_state: by the broker */
        FL_SLOT_CANCELLED = 5, /* reply_state: by the broker, after WITHDRAWN */
};
#define FL_SLOT_STATE_BITS              3u
#define FL_SLOT_STATE_MASK              ((1u << FL_SLOT_STATE_BITS) - 1u)
#define FL_SLOT_WORD(generation, state) (((uint32_t)(generation) << FL_SLOT_STATE_BITS) | (uint32_t)(state))

/* fl_slot.answer */
enum fl_answer {
        FL_ANSWER_RESULT = 1, /* result is what the syscall returns: a value or -errno */
        FL_ANSWER_NATIVE = 2, /* run the syscall instruction: the backstop decides */
};

struct fl_slot {
        /* Written by the agent. */
        _Alignas(64) uint32_t request; /* FL_SLOT_WORD */
        uint32_t sleeping;             /* non-zero: the agent waits with FUTEX_WAIT on reply_state */
        uint32_t tid;                  /* the asking thread; a hint, checked to be one of the process's */
        uint32_t nr;
        uint64_t args[6];
        /* Written by the broker. */
        _Alignas(64) uint32_t reply_state; /* FL_SLOT_WORD; futex */
        uint32_t answer;
        int64_t result;
        uint32_t out_size; /* bytes of fl_ring.outs[slot] to copy to out_address before result counts; 0: none
                            */
        uint64_t out_address;
};

#define FL_SLOT_TEXT_MAX 240u
#define FL_SLOT_OUT_MIN                                                                                      \
        8u /* shorter results are written by the broker: the agent probes 8 bytes at a time                  \
            */
#define FL_SLOT_OUT_MAX 256u

/* Written by the agent. */
struct fl_slot_text {
        uint64_t address;   /* of the string that bytes holds a copy of: the value of one of args */
        uint32_t size;      /* bytes, NUL included; 0: none is brought along */
        uint32_t takes_out; /* non-zero: the agent copies a result of up to FL_SLOT_OUT_MAX bytes itself */
        uint64_t bytes[FL_SLOT_TEXT_MAX / 8];
};

/* Written by the broker. */
struct fl_slot_out {
        uint64_t bytes[FL_SLOT_OUT_MAX / 8];
};

struct fl_ring {
        /* Written by the broker. */
        _Alignas(64) uint64_t magic;
        uint32_t version;
        uint32_t owner; /* process id of the one process this ring belongs to */
        uint32_t polling;
        /* Written by the agent: slots whose request word is worth a look (a hint, never trusted). */
        _Alignas(64) uint64_t used;
        struct fl_slot slots[FL_RING_SLOTS];
        struct fl_slot_text texts[FL_RING_SLOTS];
        struct fl_slot_out outs[FL_RING_SLOTS];
};

_Static_assert(sizeof(struct fl_slot) == 128, "a slot is two cache lines");
_Static_assert(sizeof(struct fl_slot_text) == 256 && sizeof(struct fl_slot_out) == 256, "payload layout");
_Static_assert(sizeof(struct fl_ring) == 128 + (128 + 256 + 256) * FL_RING_SLOTS, "ring layout");
#define FL_RING_SIZE_BYTES 45056u /* sizeof(struct fl_ring) in whole pages */
_Static_assert(sizeof(struct fl_ring) <= FL_RING_SIZE_BYTES, "the ring fits its mapping");

/* The only atomics of the project. Addresses are of ring words, which the other side may change at any
 * time; "once" accesses never tear and are never repeated by the compiler. */
static inline uint32_t fl_load_acquire(const uint32_t *word)
{
        return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline uint32_t fl_load_seq_cst(const uint32_t *word)
{
        return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void fl_store_release(uint32_t *word, uint32_t value)
{
        __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline void fl_store_seq_cst(uint32_t *word, uint32_t value)
{
        __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static inline uint64_t fl_load_seq_cst_64(const uint64_t *word)
{
        return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* The words of a slot's payload: acquire and release so that a copy torn by a reuse of the slot implies that
 * the second read of request shows the reuse. */
static inline uint64_t fl_load_acquire_64(const uint64_t *word)
{
        return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void fl_store_release_64(uint64_t *word, uint64_t value)
{
        __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline uint64_t fl_load_once_64(const uint64_t *word)
{
        return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline uint32_t fl_load_once_32(const uint32_t *word)
{
        return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void fl_store_once_64(uint64_t *word, uint64_t value)
{
        __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline void fl_store_once_32(uint32_t *word, uint32_t value)
{
        __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline uint64_t fl_fetch_or_64(uint64_t *word, uint64_t bits)
{
        return __atomic_fetch_or(word, bits, __ATOMIC_ACQ_REL);
}

static inline uint64_t fl_fetch_or_seq_cst_64(uint64_t *word, uint64_t bits)
{
        return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}

static inline uint64_t fl_fetch_and_64(uint64_t *word, uint64_t bits)
{
        return __atomic_fetch_and(word, bits, __ATOMIC_ACQ_REL);
}

/* Full barrier; each use names its Dekker partner. */
static inline void fl_fence(void)
{
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
