/*
 * NOR partitions in host memory, under their labels: `embedded:storage/flash`, and the SDK's older
 * module `flash`, whose `map` gives a partition in place.
 */
#include "natives.h"

#define BLOCK_BYTES 4096
/* What the erasure of a block counts as, in steps of one programmed byte. */
#define ERASE_STEPS 4
/* Pieces of a block that an interrupted erasure leaves in one state. */
#define PIECE_BYTES 8

typedef struct Partition Partition;
struct Partition {
	Partition* next;
	char* label;
	uint8_t* data;
	size_t length;
	uint32_t steps;
};

typedef struct {
	Partition* partition;
	int writable;
} Flash;

static Partition* firstPartition = NULL;
/* When power goes away: after so many steps of one partition, or of all together. */
static struct {
	int armed;
	char* label;
	uint32_t after;
	int scatter;
	uint32_t random;
} cut;

void flashAdd(const char* label, const uint8_t* data, size_t length)
{
	Partition* partition = calloc(1, sizeof(Partition));
	if (!partition)
		exit(3);
	partition->label = strdup(label);
	partition->data = malloc(length ? length : 1);
	if (!partition->label || !partition->data)
		exit(3);
	memcpy(partition->data, data, length);
	partition->length = length;
	partition->next = firstPartition;
	firstPartition = partition;
}

void flashCut(const char* label, uint32_t after, int scatter, uint32_t seed)
{
	cut.armed = 1;
	cut.label = label[0] ? strdup(label) : NULL;
	cut.after = after;
	cut.scatter = scatter;
	cut.random = seed | 1;
}

static Partition* findPartition(const char* label)
{
	Partition* partition = firstPartition;
	while (partition && strcmp(partition->label, label))
		partition = partition->next;
	return partition;
}

int flashGet(const char* label, const uint8_t** data, size_t* length, uint32_t* steps)
{
	Partition* partition = findPartition(label);
	if (!partition)
		return 0;
	*data = partition->data;
	*length = partition->length;
	*steps = partition->steps;
	return 1;
}

/* Eight bits that look random and repeat with the seed (xorshift). */
static uint8_t bits(void)
{
	cut.random ^= cut.random << 13;
	cut.random ^= cut.random >> 17;
	cut.random ^= cut.random << 5;
	return (uint8_t)cut.random;
}

/* How many of `count` steps are done before power goes away; `count` when it stays. */
static uint32_t spend(Partition* partition, uint32_t count)
{
	uint32_t left;
	partition->steps += count;
	if (!cut.armed || (cut.label && strcmp(cut.label, partition->label)))
		return count;
	left = cut.after;
	if (left >= count) {
		cut.after -= count;
		return count;
	}
	return left;
}

static void powerCut(xsMachine* the)
{
	hostEnd(the, END_POWER_CUT, 0);
}

static void program(xsMachine* the, Partition* partition, const uint8_t* data, uint32_t length, size_t offset)
{
	uint32_t done = spend(partition, length);
	uint8_t* target = partition->data + offset;
	uint32_t i;
	for (i = 0; i < done; i++) {
		if ((done < length) && cut.scatter)
			break;
		target[i] &= data[i];
	}
	if (done == length)
		return;
	/* The byte at the cut takes some of its bits; when a whole page is programmed at once, any byte. */
	for (; i < (cut.scatter ? length : done + 1); i++)
		target[i] &= data[i] | bits();
	powerCut(the);
}

static void eraseTorn(uint8_t* block, uint32_t done)
{
	uint32_t erased = done * BLOCK_BYTES / ERASE_STEPS;
	uint32_t piece, i;
	if (cut.scatter && (bits() < 128)) {
		uint32_t high = bits();
		uint32_t spot = ((high << 8) | bits()) % BLOCK_BYTES;
		uint32_t end = spot + 1 + (bits() & 7);
		if (end > BLOCK_BYTES)
			end = BLOCK_BYTES;
		memset(block + spot, 0xFF, end - spot);
		return;
	}
	for (piece = 0; piece < BLOCK_BYTES; piece += PIECE_BYTES) {
		/* 0: done, 1: half done, 2: as before. */
		int state = (piece + PIECE_BYTES <= erased) ? 0 : (piece < erased) ? 1 : 2;
		if (cut.scatter)
			state = done ? bits() % 3 : 2;
		for (i = piece; (state < 2) && (i < piece + PIECE_BYTES); i++)
			block[i] |= state ? bits() : 0xFF;
	}
}

static void erase(xsMachine* the, Partition* partition, size_t start, size_t end)
{
	size_t block;
	for (block = start; block < end; block++) {
		uint32_t done = spend(partition, ERASE_STEPS);
		if (done < ERASE_STEPS) {
			eraseTorn(partition->data + block * BLOCK_BYTES, done);
			powerCut(the);
		}
		memset(partition->data + block * BLOCK_BYTES, 0xFF, BLOCK_BYTES);
	}
}

static size_t rangeArgument(xsMachine* the, int index, Partition* partition, double count)
{
	double offset = nativeNumberArgument(the, index, -1);
	if (!((0 <= offset) && (0 <= count) && (offset + count <= (double)partition->length)))
		xsRangeError("invalid offset");
	return (size_t)offset;
}

static Partition* labelled(xsMachine* the, xsSlot* label)
{
	Partition* partition = findPartition(xsmcToString(*label));
	if (!partition)
		xsUnknownError("can't find partition");
	return partition;
}

void xs_flash_destructor(void* data)
{
	free(data);
}

static Flash* thisFlash(xsMachine* the)
{
	Flash* it = xsmcGetHostData(xsThis);
	if (!it)
		xsUnknownError("closed");
	return it;
}

void xs_flash(xsMachine* the)
{
	Flash* it;
	Partition* partition;
	xsSlot value;
	int writable = 1;
	xsmcGet(value, xsArg(0), names.path);
	if (xsmcTypeOf(value) == xsUndefinedType)
		xsUnknownError("no path");
	partition = labelled(the, &value);
	xsmcGet(value, xsArg(0), names.mode);
	if (xsmcTypeOf(value) != xsUndefinedType)
		writable = strcmp(xsmcToString(value), "r") != 0;
	it = calloc(1, sizeof(Flash));
	if (!it)
		exit(3);
	it->partition = partition;
	it->writable = writable;
	xsmcSetHostData(xsThis, it);
}

void xs_flash_read(xsMachine* the)
{
	Partition* partition = thisFlash(the)->partition;
	if (xsmcTypeOf(xsArg(0)) == xsReferenceType) {
		void* view;
		xsUnsignedValue length;
		size_t offset;
		xsmcGetBufferWritable(xsArg(0), &view, &length);
		offset = rangeArgument(the, 1, partition, length);
		memcpy(view, partition->data + offset, length);
		xsmcSetInteger(xsResult, (xsIntegerValue)length);
	}
	else {
		double count = xsmcToNumber(xsArg(0));
		size_t offset = rangeArgument(the, 1, partition, count);
		xsmcSetArrayBuffer(xsResult, partition->data + offset, (xsIntegerValue)count);
	}
}

void xs_flash_write(xsMachine* the)
{
	Flash* it = thisFlash(the);
	void* data;
	xsUnsignedValue length;
	size_t offset;
	if (!it->writable)
		xsUnknownError("read only");
	xsmcGetBufferReadable(xsArg(0), &data, &length);
	offset = rangeArgument(the, 1, it->partition, length);
	program(the, it->partition, data, length, offset);
}

static void eraseArgument(xsMachine* the, Partition* partition, double start, double end)
{
	if (!((0 <= start) && (start < end) && (end <= (double)(partition->length / BLOCK_BYTES))))
		xsRangeError("invalid block");
	erase(the, partition, (size_t)start, (size_t)end);
}

void xs_flash_erase(xsMachine* the)
{
	Flash* it = thisFlash(the);
	double start = xsmcToNumber(xsArg(0));
	double end = nativeNumberArgument(the, 1, start + 1);
	if (!it->writable)
		xsUnknownError("read only");
	eraseArgument(the, it->partition, start, end);
}

void xs_flash_status(xsMachine* the)
{
	size_t length = thisFlash(the)->partition->length;
	xsSlot value;
	xsmcSetNewObject(xsResult);
	xsmcSetInteger(value, (xsIntegerValue)length);
	xsmcSet(xsResult, names.size, value);
	xsmcSetInteger(value, (xsIntegerValue)(length / BLOCK_BYTES));
	xsmcSet(xsResult, names.blocks, value);
	xsmcSetInteger(value, BLOCK_BYTES);
	xsmcSet(xsResult, names.blockLength, value);
}

void xs_flash_close(xsMachine* the)
{
	Flash* it = xsmcGetHostData(xsThis);
	xsmcSetHostData(xsThis, NULL);
	free(it);
}

/* The older class. Its data is the partition itself: nothing to free. */
void xs_oldflash_destructor(void* data)
{
	(void)data;
}

static Partition* thisOldFlash(xsMachine* the)
{
	Partition* partition = xsmcGetHostData(xsThis);
	if (!partition)
		xsUnknownError("closed");
	return partition;
}

void xs_oldflash(xsMachine* the)
{
	xsmcSetHostData(xsThis, labelled(the, &xsArg(0)));
}

void xs_oldflash_erase(xsMachine* the)
{
	double sector = xsmcToNumber(xsArg(0));
	eraseArgument(the, thisOldFlash(the), sector, sector + 1);
}

void xs_oldflash_read(xsMachine* the)
{
	Partition* partition = thisOldFlash(the);
	double count = nativeNumberArgument(the, 1, -1);
	size_t offset = rangeArgument(the, 0, partition, count);
	xsmcSetArrayBuffer(xsResult, partition->data + offset, (xsIntegerValue)count);
}

void xs_oldflash_write(xsMachine* the)
{
	Partition* partition = thisOldFlash(the);
	double count = nativeNumberArgument(the, 1, -1);
	size_t offset = rangeArgument(the, 0, partition, count);
	void* data;
	xsUnsignedValue length;
	xsmcGetBufferReadable(xsArg(2), &data, &length);
	if (!((0 < count) && (count <= length)))
		xsUnknownError("invalid");
	program(the, partition, data, (uint32_t)count, offset);
}

/* In place: what is written to the partition is seen here. */
void xs_oldflash_map(xsMachine* the)
{
	Partition* partition = thisOldFlash(the);
	xsmcVars(1);
	xsResult = xsNewHostObject(NULL);
	xsmcSetHostBuffer(xsResult, partition->data, (xsIntegerValue)partition->length);
	xsmcPetrifyHostBuffer(xsResult);
	xsmcSetInteger(xsVar(0), (xsIntegerValue)partition->length);
	xsmcDefine(xsResult, names.byteLength, xsVar(0), xsDontDelete | xsDontSet);
	/* As the SDK's does, which keeps the mapping from being collected so. */
	xsmcDefine(xsResult, xsID("flash"), xsThis, xsDontDelete | xsDontSet);
}

void xs_oldflash_length(xsMachine* the)
{
	xsmcSetInteger(xsResult, (xsIntegerValue)thisOldFlash(the)->length);
}

void xs_oldflash_block(xsMachine* the)
{
	thisOldFlash(the);
	xsmcSetInteger(xsResult, BLOCK_BYTES);
}
