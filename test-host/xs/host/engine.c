/* What XS asks of its host besides memory and modules: promise jobs, and the end when nothing else is left. */
#include "xsAll.h"
#include "host.h"

void fxAbort(txMachine* the, int status)
{
	const char* reason = "unknown abort";
	int thrown = 0;
	switch (status) {
	case XS_NOT_ENOUGH_MEMORY_EXIT:
		reason = "memory full";
		break;
	case XS_STACK_OVERFLOW_EXIT:
		reason = "stack overflow";
		break;
	case XS_NO_MORE_KEYS_EXIT:
		reason = "not enough keys";
		break;
	case XS_DEAD_STRIP_EXIT:
		reason = "dead strip";
		break;
	case XS_TOO_MUCH_COMPUTATION_EXIT:
		reason = "watchdog";
		break;
	case XS_UNHANDLED_EXCEPTION_EXIT:
		reason = "unhandled exception";
		thrown = 1;
		break;
	case XS_UNHANDLED_REJECTION_EXIT:
		reason = "unhandled rejection";
		thrown = 1;
		break;
	}
	hostAbort(the, reason, thrown);
}

void engineUnhandledException(txMachine* the)
{
	fxAbort(the, XS_UNHANDLED_EXCEPTION_EXIT);
}

void engineTrackLength(txMachine* the, void* hostBuffer)
{
	txSlot* slot = hostBuffer;
	(void)the;
	/* As of a resizable buffer: its views have no length of their own. */
	slot->value.reference->next->next->value.bufferInfo.maxLength = 0x7FFFFFFF;
}

void fxQueuePromiseJobs(txMachine* the)
{
	the->promiseJobs = 1;
}

void engineRunJobs(txMachine* the)
{
	while (the->promiseJobs) {
		the->promiseJobs = 0;
		fxRunPromiseJobs(the);
	}
	fxEndJob(the);
	fxCheckUnhandledRejections(the, 1);
}
