/* Walks through the heap: what lies in flash on a device is frozen, and native kinds are counted. */
#include "xsAll.h"
#include "host.h"

/*
 * On a device the built-ins lie in flash and cannot change. Everything that the bare engine made
 * becomes not extensible, not writable and not configurable, but for the global object and the
 * engine's own records.
 */
static int isEngineRecord(txMachine* the, txSlot* instance)
{
	txSlot* first = instance->next;
	if (instance == mxGlobal.value.reference)
		return 1;
	if (!first || !(first->flag & XS_INTERNAL_FLAG))
		return !instance->value.instance.prototype && (instance != mxObjectPrototype.value.reference);
	switch (first->kind) {
	case XS_GLOBAL_KIND:
	case XS_MODULE_KIND:
	case XS_PROGRAM_KIND:
	case XS_EXPORT_KIND:
		return 1;
	}
	return 0;
}

static void freezeInstance(txSlot* instance)
{
	txSlot* property = instance->next;
	instance->flag |= XS_DONT_PATCH_FLAG;
	while (property) {
		if (property->kind == XS_ARRAY_KIND) {
			txSlot* item = property->value.array.address;
			txIndex length = item ? (((txChunk*)(((txByte*)item) - sizeof(txChunk)))->size / sizeof(txSlot)) : 0;
			if (length > property->value.array.length)
				length = property->value.array.length;
			while (length) {
				item->flag |= XS_DONT_DELETE_FLAG;
				if (item->kind != XS_ACCESSOR_KIND)
					item->flag |= XS_DONT_SET_FLAG;
				item++;
				length--;
			}
			property->flag |= XS_DONT_SET_FLAG;
		}
		else if (!(property->flag & XS_INTERNAL_FLAG)) {
			property->flag |= XS_DONT_DELETE_FLAG;
			if (property->kind != XS_ACCESSOR_KIND)
				property->flag |= XS_DONT_SET_FLAG;
		}
		property = property->next;
	}
}

static void forEachSlot(txMachine* the, void (*visit)(txMachine*, txSlot*))
{
	txSlot* heap = the->firstHeap;
	while (heap) {
		txSlot* slot = heap + 1;
		txSlot* limit = heap->value.reference;
		while (slot < limit) {
			(*visit)(the, slot);
			slot++;
		}
		heap = heap->next;
	}
}

static void freezeBuiltIn(txMachine* the, txSlot* slot)
{
	if ((slot->kind == XS_INSTANCE_KIND) && !isEngineRecord(the, slot))
		freezeInstance(slot);
}

/* A device freezes the functions and classes that it preloads, not the objects of a module. */
static void freezeFunction(txMachine* the, txSlot* slot)
{
	(void)the;
	if ((slot->kind == XS_INSTANCE_KIND) && mxIsFunction(slot))
		freezeInstance(slot);
}

void heapFreezeFunctions(txMachine* the)
{
	forEachSlot(the, freezeFunction);
}

void memoryFreezeBuiltIns(txMachine* the)
{
	fxCollectGarbage(the);
	forEachSlot(the, freezeBuiltIn);
}

const char* const memoryKindNames[MEMORY_KIND_COUNT] = {
	"ArrayBuffer", "Map", "Set", "WeakMap", "WeakSet", "Promise", "Proxy", "Date"
};

static uint32_t* countedKinds;

static void countKind(txMachine* the, txSlot* slot)
{
	static const txKind kinds[MEMORY_KIND_COUNT] = {
		XS_ARRAY_BUFFER_KIND, XS_MAP_KIND, XS_SET_KIND, XS_WEAK_MAP_KIND, XS_WEAK_SET_KIND, XS_PROMISE_KIND,
		XS_PROXY_KIND, XS_DATE_KIND
	};
	int i;
	(void)the;
	for (i = 0; i < MEMORY_KIND_COUNT; i++) {
		if (slot->kind == kinds[i])
			countedKinds[i]++;
	}
}

void heapCountKinds(txMachine* the, uint32_t* counts)
{
	memset(counts, 0, MEMORY_KIND_COUNT * sizeof(uint32_t));
	countedKinds = counts;
	forEachSlot(the, countKind);
}
