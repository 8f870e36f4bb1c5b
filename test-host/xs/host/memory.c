/*
 * The memory of an ESP32 around XS: budgets above the loaded state, figures.
 *
 * XS's own xsMemory.c is compiled as a part of this file, so that its marker can be used for a
 * count of live memory that disturbs nothing.
 */
#include "xsAll.h"
#include "xsScript.h"
#include "host.h"

#include <sys/mman.h>

static void memoryCollected(txMachine* the);

/* The only use of the profiler's check in xsMemory.c stands at the end of a collection. */
#define fxCheckProfiler(the, frame) memoryCollected(the)
#include "xsMemory.c"
#undef fxCheckProfiler

#define ESP32_SLOT_BYTES 16
#define LOADING_STACK_SLOTS 8192
#define CHUNK_RESERVE (64u << 20)

Settings settings;

static int budgetHolds = 0;
static uint32_t collections = 0;
static txSize bareSlots, bareChunkBytes;
static txSize baseSlots, baseChunkBytes;
static txSize reservedSlots, reservedChunkBytes;
static txSize engineStackSlots;
static txSlot* wholeStackBottom;
static double failedHeld, failedAsked;
static uint32_t livePeakBytes;
static txSize peakChunkBytes;
static uint32_t loadedBytes;
static uint32_t bareKinds[MEMORY_KIND_COUNT];
static txByte* runRegion;
static txSize runRegionUsed;

static uint32_t above(txSize value, txSize base)
{
	return value > base ? (uint32_t)(value - base) : 0;
}

static uint32_t bytesOf(txSize slots, txSize chunkBytes)
{
	return above(slots, baseSlots) * ESP32_SLOT_BYTES + above(chunkBytes, baseChunkBytes);
}

/* Taken from the blocks: XS's own count runs ahead when a chunk grows in place. */
static txSize takenChunkBytes(txMachine* the)
{
	txBlock* block;
	txSize taken = 0;
	for (block = the->firstBlock; block; block = block->nextBlock)
		taken += (txSize)(block->current - (txByte*)(block + 1));
	return taken;
}

/* Chunks are at their most before a collection, at a failure, and when somebody asks. */
static void notePeakChunks(txMachine* the)
{
	txSize taken = takenChunkBytes(the);
	if (budgetHolds && (peakChunkBytes < taken))
		peakChunkBytes = taken;
}

static void countLive(txMachine* the, txSize* slots, txSize* chunkBytes);

static void memoryCollected(txMachine* the)
{
	txSize slots, chunkBytes;
	uint32_t live;
	collections++;
	if (!budgetHolds)
		return;
	countLive(the, &slots, &chunkBytes);
	live = bytesOf(slots, chunkBytes);
	if (livePeakBytes < live)
		livePeakBytes = live;
}

uint32_t memoryCollections(void)
{
	return collections;
}

static void noteFailure(txMachine* the, double asked)
{
	notePeakChunks(the);
	failedHeld = bytesOf(the->currentHeapCount, takenChunkBytes(the));
	failedAsked = asked;
}

void memoryNeeded(double* held, double* asked)
{
	*held = failedAsked ? failedHeld : 0;
	*asked = failedAsked;
}

/* Chunks grow in one region, as the chunk heap of a device grows into its pool. */
void* fxAllocateChunks(txMachine* the, txSize size)
{
	txByte* result;
	double total;
	if (!budgetHolds)
		return c_malloc(size);
	noteFailure(the, size - (txSize)sizeof(txBlock));
	if (!settings.heapBytes)
		fxAbort(the, XS_NOT_ENOUGH_MEMORY_EXIT);
	total = (double)reservedSlots * ESP32_SLOT_BYTES + (double)reservedChunkBytes + size;
	if ((total > settings.heapBytes) || ((double)runRegionUsed + size > CHUNK_RESERVE))
		return C_NULL;
	failedAsked = 0;
	reservedChunkBytes += size;
	result = runRegion + runRegionUsed;
	runRegionUsed += size;
	return result;
}

void fxFreeChunks(txMachine* the, void* chunks)
{
	(void)the;
	(void)chunks;
}

txSlot* fxAllocateSlots(txMachine* the, txSize count)
{
	if (budgetHolds) {
		double total = (double)(reservedSlots + count) * ESP32_SLOT_BYTES + (double)reservedChunkBytes;
		if (!settings.heapBytes || (total > settings.heapBytes)) {
			noteFailure(the, ESP32_SLOT_BYTES);
			return C_NULL;
		}
		reservedSlots += count;
	}
	return (txSlot*)c_malloc((size_t)count * sizeof(txSlot));
}

void fxFreeSlots(txMachine* the, void* slots)
{
	(void)the;
	(void)slots;
}

txMachine* memoryCreateMachine(void)
{
	txCreation creation = {
		256 * 1024,			/* initialChunkSize */
		64 * 1024,			/* incrementalChunkSize */
		8 * 1024,			/* initialHeapCount */
		1024,				/* incrementalHeapCount */
		LOADING_STACK_SLOTS,
		4096,				/* initialKeyCount */
		1024,				/* incrementalKeyCount */
		1993,				/* nameModulo */
		127,				/* symbolModulo */
		64 * 1024,			/* parserBufferSize */
		1993,				/* parserTableModulo */
		0,					/* staticSize */
	};
	txMachine* the = fxCreateMachine(&creation, "xs-host", NULL, XS_NO_ID);
	if (the) {
		engineStackSlots = (txSize)(the->stackTop - the->stack);
		wholeStackBottom = the->stackBottom;
	}
	return the;
}

static uint32_t loadedKinds[MEMORY_KIND_COUNT];

void memoryKinds(txMachine* the, uint32_t counts[MEMORY_KIND_COUNT])
{
	int i;
	(void)the;
	for (i = 0; i < MEMORY_KIND_COUNT; i++)
		counts[i] = above((txSize)loadedKinds[i], (txSize)bareKinds[i]);
}

void memoryMarkBare(txMachine* the)
{
	fxCollectGarbage(the);
	bareSlots = the->currentHeapCount;
	bareChunkBytes = the->currentChunksSize;
	heapCountKinds(the, bareKinds);
}

static txSlot dummies;

static void markDummies(txMachine* the, void* data, txMarkRoot markRoot)
{
	(void)data;
	(void)markRoot;
	notePeakChunks(the);
}

static const txHostHooks dummyHooks = { NULL, markDummies, NULL };

/*
 * What loading left free must not serve the run: all free slots and the rest of every chunk block
 * are taken by a list that stays alive. It hangs on a host object, whose marker tells that a
 * collection begins.
 */
static void fillFreeMemory(txMachine* the)
{
	static int data;
	txSlot* list;
	txBlock* block;
	list = fxNewHostObject(the, NULL)->next;
	fxSetHostHooks(the, the->stack, &dummyHooks);
	list->value.host.data = &data;
	dummies.kind = XS_REFERENCE_KIND;
	dummies.value.reference = the->stack->value.reference;
	fxRemember(the, &dummies);
	mxPop();
	for (block = the->firstBlock; block; block = block->nextBlock) {
		txSize room = (txSize)(block->limit - block->current) & ~(txSize)7;
		if (room >= (txSize)(2 * sizeof(txChunk))) {
			txSlot* slot = fxNewSlot(the);
			txChunk* chunk = (txChunk*)block->current;
			block->current += room;
			chunk->size = room;
			chunk->temporary = block->current;
			the->currentChunksSize += room;
			slot->kind = XS_STRING_KIND;
			slot->value.string = (txString)(chunk + 1);
			*slot->value.string = 0;
			slot->next = list->next;
			list->next = slot;
		}
	}
	while (the->freeHeap) {
		txSlot* slot = fxNewSlot(the);
		slot->next = list->next;
		list->next = slot;
	}
}

static void addSlotPool(txMachine* the, txSize count)
{
	/* One slot of a heap is its header, another is spent by XS at its end on a device, too. */
	fxGrowSlots(the, count);
}

static void addChunkPool(txMachine* the, txSize size)
{
	txBlock* block = (txBlock*)(runRegion + runRegionUsed);
	runRegionUsed += size;
	block->nextBlock = the->firstBlock;
	block->current = (txByte*)block + sizeof(txBlock);
	block->limit = (txByte*)block + size;
	block->temporary = C_NULL;
	the->firstBlock = block;
	the->maximumChunksSize += size;
}

void memoryMarkLoaded(txMachine* the)
{
	txSize slots, chunkBytes;
	heapFreezeFunctions(the);
	fxCollectGarbage(the);
	fxCollectGarbage(the);
	heapCountKinds(the, loadedKinds);
	slots = the->currentHeapCount;
	chunkBytes = the->currentChunksSize;
	loadedBytes = above(slots, bareSlots) * ESP32_SLOT_BYTES + above(chunkBytes, bareChunkBytes);
	runRegion = mmap(NULL, CHUNK_RESERVE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
	if (runRegion == MAP_FAILED)
		fxAbort(the, XS_NOT_ENOUGH_MEMORY_EXIT);
	fillFreeMemory(the);
	the->minimumHeapCount = 64;
	the->minimumChunksSize = 512;
	if (!settings.heapBytes) {
		addSlotPool(the, (txSize)settings.slots);
		addChunkPool(the, (txSize)settings.chunkBytes);
		/* Not zero, which would hide from the allocators how much was asked for. */
		the->minimumHeapCount = 1;
		the->minimumChunksSize = 8;
	}
	baseSlots = the->currentHeapCount;
	baseChunkBytes = takenChunkBytes(the);
	the->peakHeapCount = the->currentHeapCount;
	peakChunkBytes = baseChunkBytes;
	the->stackBottom = the->stackTop - engineStackSlots - (txSize)settings.stackSlots;
	the->stackPeak = the->stack;
	collections = 0;
	livePeakBytes = 0;
	budgetHolds = 1;
}

void memoryLiftBudget(txMachine* the)
{
	budgetHolds = 0;
	the->stackBottom = wholeStackBottom;
	the->minimumHeapCount = 1024;
	the->minimumChunksSize = 16 * 1024;
}

/* Marks as a collection does, counts what is marked, and takes the marks away again. */
static void countLive(txMachine* the, txSize* slots, txSize* chunkBytes)
{
	txSlot* heap;
	txSlot* slot;
	txBlock* block;
	txSize count = 0, size = 0;
	fxMark(the, fxMarkValue);
	while ((slot = the->firstWeakListLink)) {
		the->firstWeakListLink = slot->value.weakList.link;
		slot->value.weakList.link = C_NULL;
	}
	while ((slot = the->firstWeakRefLink)) {
		the->firstWeakRefLink = slot->value.weakRef.link;
		slot->value.weakRef.link = C_NULL;
	}
	for (heap = the->firstHeap; heap; heap = heap->next) {
		txSlot* limit = heap->value.reference;
		for (slot = heap + 1; slot < limit; slot++) {
			if (slot->flag & XS_MARK_FLAG) {
				slot->flag &= ~XS_MARK_FLAG;
				count++;
			}
		}
	}
	for (slot = the->stack; slot < the->stackTop; slot++)
		slot->flag &= ~XS_MARK_FLAG;
	for (block = the->firstBlock; block; block = block->nextBlock) {
		txByte* current = ((txByte*)block) + sizeof(txBlock);
		while (current < block->current) {
			txChunk* chunk = (txChunk*)current;
			if (chunk->size & mxChunkFlag) {
				chunk->size &= ~mxChunkFlag;
				size += (txSize)(chunk->temporary - current);
			}
			current = chunk->temporary;
		}
	}
	*slots = count;
	*chunkBytes = size;
}

void memoryFigures(txMachine* the, MemoryFigures* figures)
{
	txSize slots, chunkBytes;
	uint32_t live;
	txSize used = (txSize)(the->stackTop - the->stackPeak);
	notePeakChunks(the);
	countLive(the, &slots, &chunkBytes);
	live = bytesOf(slots, chunkBytes);
	if (livePeakBytes < live)
		livePeakBytes = live;
	figures->budgetBytes = settings.heapBytes ? settings.heapBytes : settings.slots * ESP32_SLOT_BYTES + settings.chunkBytes;
	figures->loadedBytes = loadedBytes;
	figures->liveSlots = above(slots, baseSlots);
	figures->liveChunkBytes = above(chunkBytes, baseChunkBytes);
	figures->peakSlots = above(the->peakHeapCount, baseSlots);
	figures->peakChunkBytes = above(peakChunkBytes, baseChunkBytes);
	figures->livePeakBytes = livePeakBytes;
	figures->collections = collections;
	figures->stackPeakSlots = above(used, engineStackSlots);
}

static txBoolean meterExceeded(txMachine* the, txU4 index)
{
	(void)the;
	return index <= settings.computeLimit;
}

void memoryMeterBegin(txMachine* the)
{
	fxBeginMetering(the, meterExceeded, settings.computeLimit);
}

uint32_t memoryMeter(txMachine* the)
{
	return the->meterIndex;
}

void memoryMeterSet(txMachine* the, uint32_t compute)
{
	the->meterIndex = compute;
}
