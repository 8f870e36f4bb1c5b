/*
 * Frames over stdin and stdout, little-endian. A frame is its length in 32 bits, a letter, fields.
 *
 * in   'C' settings   slots chunkBytes heapBytes stackSlots computeLimit headroom
 *                     console or not, its headroom, wired lines, ticksOffset seed epoch
 *      'P' partition  label bytes
 *      'X' power cut  label ("": any), steps before it, scattered or not, seed
 *      'R' resource   name bytes
 *      'V' services   JSON of what Node offers
 *      'M' module     name source
 *      'L' load       name of main, name of entry
 *      'T' turn       kind nowMs status room consoleRoom, then the event's fields
 *      'Q' memory     'D' date     'F' flash label
 *      'S' served     steps to charge, done or not [text], then what the service gives; answers 'S'
 * out  'N' needed     name of a module that is imported; answered by 'M', or by 'N': there is none
 *      'E' error      reason, text: loading failed
 *      'L' loaded     bytecode by module, counts of native kinds
 *      'T' turn       compute collections outcome [of an abort: reason detail held asked; of an end: kind ms] actions
 *      'Q' memory     figures
 *      'D' date       epoch
 *      'F' flash      found or not, steps so far, bytes
 *      'S' service    kind, its fields: within a turn, see service.c and tls.c
 *
 * After an abort or end the program answers 'Q', 'D' and 'F' only. It ends when stdin closes.
 */
#include "xs.h"
#include "xsmc.h"
#include "host.h"

#include <stdlib.h>
#include <unistd.h>

enum { EVENT_START, EVENT_READABLE, EVENT_WRITABLE, EVENT_OVERRUN, EVENT_TIMER, EVENT_MESSAGE };

static Bytes input;
static xsSlot mainFunction, entryFunction;

static void configure(Cursor* cursor)
{
	settings.slots = cursor32(cursor);
	settings.chunkBytes = cursor32(cursor);
	settings.heapBytes = cursor32(cursor);
	settings.stackSlots = cursor32(cursor);
	settings.computeLimit = cursor32(cursor);
	settings.headroom[PORT_MODULE] = cursor32(cursor);
	settings.console = cursor8(cursor);
	settings.headroom[PORT_CONSOLE] = cursor32(cursor);
	settings.wired = cursor8(cursor);
	settings.ticksOffset = cursor32(cursor);
	randomSeed(cursor32(cursor));
	dateSetEpoch(cursorDouble(cursor));
}

static void addPartition(Cursor* cursor)
{
	char* label = cursorText(cursor);
	uint32_t length;
	const uint8_t* data = cursorBlock(cursor, &length);
	flashAdd(label, data, length);
	free(label);
}

static void setPowerCut(Cursor* cursor)
{
	char* label = cursorText(cursor);
	uint32_t after = cursor32(cursor);
	int scatter = cursor8(cursor);
	flashCut(label, after, scatter, cursor32(cursor));
	free(label);
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
	if (hostPhase != PHASE_LOADING)
		return 0;
	answerBegin('N');
	bytesPutText(&answer, name);
	answerSend();
	if (receiveFrame(&input, &cursor) != 'M')
		return 0;
	addModule(&cursor);
	return 1;
}

static void load(Cursor* cursor)
{
	char* mainName = cursorText(cursor);
	char* entryName = cursorText(cursor);
	static char failure[2048];
	xsMachine* the;
	failure[0] = 0;
	hostMachine = the = memoryCreateMachine();
	if (!hostMachine)
		exit(3);
	xsBeginHost(hostMachine);
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
	xsEndHost(hostMachine);
	if (!failure[0])
		engineRunJobs(hostMachine);
	if (failure[0]) {
		answerBegin('E');
		bytesPutText(&answer, loaderMissing[0] ? "missing" : "load");
		bytesPutText(&answer, loaderMissing[0] ? loaderMissing : failure);
		answerSend();
		_exit(0);
	}
	memoryMarkLoaded(hostMachine);
	{
		uint32_t counts[MEMORY_KIND_COUNT];
		int i;
		answerBegin('L');
		loaderPutSizes(&answer);
		memoryKinds(hostMachine, counts);
		bytesPut32(&answer, MEMORY_KIND_COUNT);
		for (i = 0; i < MEMORY_KIND_COUNT; i++) {
			bytesPutText(&answer, memoryKindNames[i]);
			bytesPut32(&answer, counts[i]);
		}
		answerSend();
	}
	free(mainName);
	free(entryName);
	hostPhase = PHASE_TURN;
}

static uint8_t cursorPort(Cursor* cursor)
{
	uint8_t port = cursor8(cursor);
	if (port >= PORT_COUNT)
		exit(3);
	return port;
}

static void readable(xsMachine* the, Cursor* cursor)
{
	uint8_t port = cursorPort(cursor);
	uint32_t count = cursor32(cursor);
	uint32_t length;
	const uint8_t* data = cursorBlock(cursor, &length);
	if (serialIsOpen(port) && (serialBuffered(port) + length != count)) {
		fprintf(stderr, "xs host: %u bytes announced, %u buffered\n", count, serialBuffered(port) + length);
		exit(4);
	}
	serialReadable(the, port, data, length);
}

static void turn(Cursor* cursor)
{
	uint8_t kind = cursor8(cursor);
	inputs.nowMs = cursorDouble(cursor);
	inputs.moduleStatus = cursor8(cursor);
	inputs.transmitRoom[PORT_MODULE] = cursor32(cursor);
	inputs.transmitRoom[PORT_CONSOLE] = cursor32(cursor);
	turnBegin(hostMachine);
	xsBeginHost(hostMachine);
	{
		xsTry {
			switch (kind) {
			case EVENT_START:
				xsCallFunction1(mainFunction, xsGlobal, entryFunction);
				break;
			case EVENT_READABLE: readable(the, cursor); break;
			case EVENT_WRITABLE: {
				uint8_t port = cursorPort(cursor);
				serialWritable(the, port, cursor32(cursor));
				break;
			}
			case EVENT_OVERRUN: serialOverrun(the, cursorPort(cursor)); break;
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
	xsEndHost(hostMachine);
	engineRunJobs(hostMachine);
	turnEnd();
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
		case 'P': addPartition(&cursor); break;
		case 'X': setPowerCut(&cursor); break;
		case 'R':
			name = cursorText(&cursor);
			data = cursorBlock(&cursor, &length);
			resourceAdd(name, data, length);
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
		case 'D': answerDate(); break;
		case 'F': answerFlash(&cursor); break;
		default: exit(3);
		}
	}
}
