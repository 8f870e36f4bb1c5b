/*
 * Frames over stdin and stdout, little-endian. A frame is its length in 32 bits, a letter, fields.
 *
 * in   'C' settings   slots chunkBytes heapBytes stackSlots computeLimit headroom ticksOffset seed flash
 *      'R' resource   name bytes
 *      'V' services   JSON of what Node offers
 *      'M' module     name source
 *      'L' load       name of main, name of entry
 *      'T' turn       kind nowMs status room, then the event's fields
 *      'Q' memory     'F' flash
 *      'S' served     steps to charge, done or not [text], then what the service gives; answers 'S'
 * out  'N' needed     name of a module that is imported; answered by 'M', or by 'N': there is none
 *      'E' error      reason, text: loading failed
 *      'L' loaded     bytecode by module, counts of native kinds
 *      'T' turn       compute collections aborted [reason detail held asked] actions
 *      'Q' memory     figures
 *      'F' flash      bytes
 *      'S' service    kind, its fields: within a turn, see service.c and tls.c
 *
 * After an abort the program answers 'Q' and 'F' only. It ends when stdin closes.
 */
#include "xs.h"
#include "xsmc.h"
#include "host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PHASE_LOADING, PHASE_TURN, PHASE_ABORTED };
enum { EVENT_START, EVENT_READABLE, EVENT_WRITABLE, EVENT_OVERRUN, EVENT_TIMER, EVENT_MESSAGE };

static xsMachine* machine;
static Bytes actions, answer;
static Bytes input, served;
static int phase = PHASE_LOADING;
static uint32_t collectionsBefore;
static xsSlot mainFunction, entryFunction;

Bytes* actionBegin(uint8_t kind)
{
	bytesPut8(&actions, kind);
	bytesPut32(&actions, memoryMeter(machine));
	return &actions;
}

static void readFully(uint8_t* data, size_t length)
{
	while (length) {
		ssize_t count = read(0, data, length);
		if (count > 0) {
			data += count;
			length -= (size_t)count;
		}
		else if ((count == 0) || (errno != EINTR))
			_exit(0);
	}
}

static uint8_t receiveFrame(Bytes* frame, Cursor* cursor)
{
	uint8_t head[5];
	uint32_t length;
	readFully(head, 5);
	length = (uint32_t)head[0] | ((uint32_t)head[1] << 8) | ((uint32_t)head[2] << 16) | ((uint32_t)head[3] << 24);
	bytesClear(frame);
	if (frame->capacity < length) {
		free(frame->data);
		frame->data = malloc(length);
		if (!frame->data)
			exit(3);
		frame->capacity = length;
	}
	readFully(frame->data, length);
	cursor->at = frame->data;
	cursor->end = frame->data + length;
	return head[4];
}

static void answerBegin(uint8_t letter)
{
	bytesClear(&answer);
	bytesPut32(&answer, 0);
	bytesPut8(&answer, letter);
}

static void answerSend(void)
{
	uint32_t length = (uint32_t)(answer.length - 5);
	const uint8_t* data = answer.data;
	size_t rest = answer.length;
	answer.data[0] = (uint8_t)length;
	answer.data[1] = (uint8_t)(length >> 8);
	answer.data[2] = (uint8_t)(length >> 16);
	answer.data[3] = (uint8_t)(length >> 24);
	while (rest) {
		ssize_t count = write(1, data, rest);
		if (count > 0) {
			data += count;
			rest -= (size_t)count;
		}
		else if (errno != EINTR)
			_exit(0);
	}
}

static void answerMemory(void)
{
	MemoryFigures f;
	memoryFigures(machine, &f);
	answerBegin('Q');
	bytesPut32(&answer, f.budgetBytes);
	bytesPut32(&answer, f.loadedBytes);
	bytesPut32(&answer, f.liveSlots);
	bytesPut32(&answer, f.liveChunkBytes);
	bytesPut32(&answer, f.peakSlots);
	bytesPut32(&answer, f.peakChunkBytes);
	bytesPut32(&answer, f.livePeakBytes);
	bytesPut32(&answer, f.collections);
	bytesPut32(&answer, f.stackPeakSlots);
	answerSend();
}

static void answerFlash(void)
{
	const uint8_t* data;
	size_t length;
	storageGetFlash(&data, &length);
	answerBegin('F');
	bytesPutBlock(&answer, data, length);
	answerSend();
}

static void answerTurn(const char* reason, const char* detail, double held, double asked)
{
	answerBegin('T');
	bytesPut32(&answer, memoryMeter(machine));
	bytesPut32(&answer, memoryCollections() - collectionsBefore);
	bytesPut8(&answer, reason ? 1 : 0);
	if (reason) {
		bytesPutText(&answer, reason);
		bytesPutText(&answer, detail);
		bytesPutDouble(&answer, held);
		bytesPutDouble(&answer, asked);
	}
	bytesPut(&answer, actions.data, actions.length);
	answerSend();
}

/* The text of the exception, with the functions that it passed; built with the budget lifted. */
static void exceptionText(xsMachine* the, char* text, size_t size)
{
	text[0] = 0;
	xsBeginHost(the);
	{
		xsmcVars(1);
		xsVar(0) = xsException;
		xsTry {
			if (xsmcTypeOf(xsVar(0)) == xsReferenceType) {
				xsmcGet(xsResult, xsVar(0), xsID("stack"));
				if (xsmcTypeOf(xsResult) == xsUndefinedType)
					xsResult = xsVar(0);
			}
			else
				xsResult = xsVar(0);
			snprintf(text, size, "%s", xsmcToString(xsResult));
		}
		xsCatch {
			snprintf(text, size, "exception without text");
		}
	}
	xsEndHost(the);
}

static void __attribute__((noreturn)) serveAborted(void)
{
	Cursor cursor;
	for (;;) {
		switch (receiveFrame(&input, &cursor)) {
		case 'Q': answerMemory(); break;
		case 'F': answerFlash(); break;
		default: _exit(0);
		}
	}
}

void hostAbort(xsMachine* the, const char* reason, int thrown)
{
	static char detail[2048];
	int turning = phase == PHASE_TURN;
	double held = 0, asked = 0;
	uint32_t compute;
	if (phase == PHASE_ABORTED) {
		fprintf(stderr, "xs host: %s while aborting\n", reason);
		exit(3);
	}
	phase = PHASE_ABORTED;
	detail[0] = 0;
	if (machine) {
		compute = memoryMeter(the);
		memoryNeeded(&held, &asked);
		memoryLiftBudget(the);
		if (thrown)
			exceptionText(the, detail, sizeof(detail));
		else
			engineTrace(the, detail, sizeof(detail));
		memoryMeterSet(the, compute);
	}
	if (!turning) {
		answerBegin('E');
		bytesPutText(&answer, reason);
		bytesPutText(&answer, detail);
		answerSend();
		_exit(0);
	}
	answerTurn(reason, detail, held, asked);
	serveAborted();
}

static void configure(Cursor* cursor)
{
	uint32_t length;
	const uint8_t* data;
	settings.slots = cursor32(cursor);
	settings.chunkBytes = cursor32(cursor);
	settings.heapBytes = cursor32(cursor);
	settings.stackSlots = cursor32(cursor);
	settings.computeLimit = cursor32(cursor);
	settings.headroom = cursor32(cursor);
	settings.ticksOffset = cursor32(cursor);
	randomSeed(cursor32(cursor));
	data = cursorBlock(cursor, &length);
	storageSetFlash(data, length);
}

static char* cursorText(Cursor* cursor)
{
	uint32_t length;
	const uint8_t* data = cursorBlock(cursor, &length);
	char* text = malloc(length + 1);
	if (!text)
		exit(3);
	memcpy(text, data, length);
	text[length] = 0;
	return text;
}

static void addModule(Cursor* cursor)
{
	char* name = cursorText(cursor);
	uint32_t length;
	const uint8_t* data = cursorBlock(cursor, &length);
	loaderAdd(name, (const char*)data, length);
	free(name);
}

int hostNeedModule(const char* name)
{
	Cursor cursor;
	if (phase != PHASE_LOADING)
		return 0;
	answerBegin('N');
	bytesPutText(&answer, name);
	answerSend();
	if (receiveFrame(&input, &cursor) != 'M')
		return 0;
	addModule(&cursor);
	return 1;
}

void hostAsk(Bytes* request, Cursor* cursor)
{
	answerBegin('S');
	bytesPut(&answer, request->data, request->length);
	answerSend();
	if (receiveFrame(&served, cursor) != 'S')
		exit(3);
}

static void load(Cursor* cursor)
{
	char* mainName = cursorText(cursor);
	char* entryName = cursorText(cursor);
	static char failure[2048];
	xsMachine* the;
	failure[0] = 0;
	machine = the = memoryCreateMachine();
	if (!machine)
		exit(3);
	xsBeginHost(machine);
	{
		nativesIntern(the);
		memoryFreezeBuiltIns(the);
		memoryMarkBare(the);
		xsTry {
			entryFunction = xsAwaitImport(entryName, XS_IMPORT_DEFAULT);
			xsRemember(entryFunction);
			if (!xsmcIsCallable(entryFunction))
				xsTypeError("%s: the default export is no function", entryName);
			mainFunction = xsAwaitImport(mainName, XS_IMPORT_DEFAULT);
			xsRemember(mainFunction);
		}
		xsCatch {
			exceptionText(the, failure, sizeof(failure));
		}
	}
	xsEndHost(machine);
	if (!failure[0])
		engineRunJobs(machine);
	if (failure[0]) {
		answerBegin('E');
		bytesPutText(&answer, loaderMissing[0] ? "missing" : "load");
		bytesPutText(&answer, loaderMissing[0] ? loaderMissing : failure);
		answerSend();
		_exit(0);
	}
	memoryMarkLoaded(machine);
	{
		uint32_t counts[MEMORY_KIND_COUNT];
		int i;
		answerBegin('L');
		loaderPutSizes(&answer);
		memoryKinds(machine, counts);
		bytesPut32(&answer, MEMORY_KIND_COUNT);
		for (i = 0; i < MEMORY_KIND_COUNT; i++) {
			bytesPutText(&answer, memoryKindNames[i]);
			bytesPut32(&answer, counts[i]);
		}
		answerSend();
	}
	free(mainName);
	free(entryName);
	phase = PHASE_TURN;
}

static void turn(Cursor* cursor)
{
	uint8_t kind = cursor8(cursor);
	inputs.nowMs = cursorDouble(cursor);
	inputs.moduleStatus = cursor8(cursor);
	inputs.transmitRoom = cursor32(cursor);
	bytesClear(&actions);
	collectionsBefore = memoryCollections();
	memoryMeterBegin(machine);
	xsBeginHost(machine);
	{
		xsTry {
			switch (kind) {
			case EVENT_START:
				xsCallFunction1(mainFunction, xsGlobal, entryFunction);
				break;
			case EVENT_READABLE: {
				uint32_t count = cursor32(cursor);
				uint32_t length;
				const uint8_t* data = cursorBlock(cursor, &length);
				if (serialIsOpen() && (serialBuffered() + length != count)) {
					fprintf(stderr, "xs host: %u bytes announced, %u buffered\n", count, serialBuffered() + length);
					exit(4);
				}
				serialReadable(the, data, length);
				break;
			}
			case EVENT_WRITABLE: serialWritable(the, cursor32(cursor)); break;
			case EVENT_OVERRUN: serialOverrun(the); break;
			case EVENT_TIMER: timerFired(the, cursor32(cursor)); break;
			case EVENT_MESSAGE: {
				char* text = cursorText(cursor);
				messageReceived(the, text);
				free(text);
				break;
			}
			}
		}
		xsCatch {
			engineUnhandledException(the);
		}
	}
	xsEndHost(machine);
	engineRunJobs(machine);
	answerTurn(NULL, NULL, 0, 0);
}

int main(void)
{
	Cursor cursor;
	char* name;
	uint32_t length;
	const uint8_t* data;
	for (;;) {
		switch (receiveFrame(&input, &cursor)) {
		case 'C': configure(&cursor); break;
		case 'R':
			name = cursorText(&cursor);
			data = cursorBlock(&cursor, &length);
			storageAddResource(name, data, length);
			free(name);
			break;
		case 'V':
			data = cursorBlock(&cursor, &length);
			serviceSetText(data, length);
			break;
		case 'M': addModule(&cursor); break;
		case 'L': load(&cursor); break;
		case 'T': turn(&cursor); break;
		case 'Q': answerMemory(); break;
		case 'F': answerFlash(); break;
		default: exit(3);
		}
	}
}
