/* What the program answers, and how a run ends: by itself, or as a device restarts, sleeps or loses its power. */
#include "xs.h"
#include "xsmc.h"
#include "host.h"

#include <stdlib.h>
#include <unistd.h>

HostMachine* hostMachine;
int hostPhase = PHASE_LOADING;

static Bytes actions;
static uint32_t collectionsBefore;

Bytes* actionBegin(uint8_t kind)
{
	bytesPut8(&actions, kind);
	bytesPut32(&actions, memoryMeter(hostMachine));
	return &actions;
}

void answerMemory(void)
{
	MemoryFigures f;
	memoryFigures(hostMachine, &f);
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

void answerDate(void)
{
	answerBegin('D');
	bytesPutDouble(&answer, dateEpoch());
	answerSend();
}

void answerFlash(Cursor* cursor)
{
	char* label = cursorText(cursor);
	const uint8_t* data = NULL;
	size_t length = 0;
	uint32_t steps = 0;
	int found = flashGet(label, &data, &length, &steps);
	free(label);
	answerBegin('F');
	bytesPut8(&answer, (uint8_t)found);
	bytesPut32(&answer, steps);
	bytesPutBlock(&answer, data, length);
	answerSend();
}

void turnBegin(HostMachine* the)
{
	bytesClear(&actions);
	collectionsBefore = memoryCollections();
	memoryMeterBegin(the);
}

/* `outcome`: what stands behind 'aborted'. */
static void answerTurn(uint8_t outcome)
{
	answerBegin('T');
	bytesPut32(&answer, memoryMeter(hostMachine));
	bytesPut32(&answer, memoryCollections() - collectionsBefore);
	bytesPut8(&answer, outcome);
}

void turnEnd(void)
{
	answerTurn(OUTCOME_DONE);
	bytesPut(&answer, actions.data, actions.length);
	answerSend();
}

/* The text of the exception, with the functions that it passed; built with the budget lifted. */
void exceptionText(xsMachine* the, char* text, size_t size)
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

static void __attribute__((noreturn)) serveEnded(void)
{
	static Bytes input;
	Cursor cursor;
	for (;;) {
		switch (receiveFrame(&input, &cursor)) {
		case 'Q': answerMemory(); break;
		case 'D': answerDate(); break;
		case 'F': answerFlash(&cursor); break;
		default: _exit(0);
		}
	}
}

void hostAbort(xsMachine* the, const char* reason, int thrown)
{
	static char detail[2048];
	int turning = hostPhase == PHASE_TURN;
	double held = 0, asked = 0;
	uint32_t compute;
	if (hostPhase == PHASE_ENDED) {
		fprintf(stderr, "xs host: %s while aborting\n", reason);
		exit(3);
	}
	hostPhase = PHASE_ENDED;
	detail[0] = 0;
	if (hostMachine) {
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
	answerTurn(OUTCOME_ABORT);
	bytesPutText(&answer, reason);
	bytesPutText(&answer, detail);
	bytesPutDouble(&answer, held);
	bytesPutDouble(&answer, asked);
	bytesPut(&answer, actions.data, actions.length);
	answerSend();
	serveEnded();
}

void hostEnd(xsMachine* the, uint8_t kind, double ms)
{
	if (hostPhase != PHASE_TURN)
		hostAbort(the, "end while loading", 0);
	hostPhase = PHASE_ENDED;
	answerTurn(OUTCOME_END);
	bytesPut8(&answer, kind);
	bytesPutDouble(&answer, ms);
	bytesPut(&answer, actions.data, actions.length);
	answerSend();
	serveEnded();
}
