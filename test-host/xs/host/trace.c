/*
 * Where the firmware is: functions and their modules. A release build of XS knows no file or line, but
 * the byte code of a function lies within its module's.
 *
 * XS's own xsDefaults.c is compiled as a part of this file, so that errors are made with our stack.
 */
#include "xsAll.h"
#include "xsScript.h"
#include "host.h"

#define TRACE_CALLS 10

static txSlot* frameFunction(txSlot* frame)
{
	txSlot* slot = frame + 3;
	if ((slot->kind == XS_REFERENCE_KIND) && mxIsFunction(slot->value.reference))
		return slot->value.reference;
	return C_NULL;
}

static txID functionModule(txSlot* function)
{
	txSlot* code = mxFunctionInstanceCode(function);
	if ((code->kind == XS_CODE_KIND) || (code->kind == XS_CODE_X_KIND))
		return (txID)loaderModuleOf((uint8_t*)code->value.code.address);
	return XS_NO_ID;
}

/* One entry for each function, as XS makes them; the place is the module. */
static void captureStack(txMachine* the, txSlot* internal, txSlot* frame)
{
	txSlot* entry;
	fxCaptureErrorStack(the, internal, frame);
	entry = internal->value.reference->next;
	while (frame->next && entry) {
		txSlot* function = frameFunction(frame);
		if (function) {
			entry->ID = functionModule(function);
			/* What stands here in a release build is no line. */
			entry->value.key.sum = 0;
			entry = entry->next;
		}
		frame = frame->next;
	}
}

static const char* functionName(txMachine* the, txSlot* function)
{
	txSlot* name = mxBehaviorGetProperty(the, function, mxID(_name), 0, XS_OWN);
	if (name && ((name->kind == XS_STRING_KIND) || (name->kind == XS_STRING_X_KIND)))
		return name->value.string;
	name = mxFunctionInstanceCode(function);
	return (name->ID == XS_NO_ID) ? "" : fxGetKeyName(the, name->ID);
}

/* The innermost calls, a line for each, as in the text of an error. */
void engineTrace(txMachine* the, char* text, size_t size)
{
	txSlot* frame = the->frame;
	size_t length = 0;
	int calls = 0;
	text[0] = 0;
	while (frame && frame->next && (length < size)) {
		txSlot* function = frameFunction(frame);
		if (function) {
			txID module = functionModule(function);
			if (calls++ == TRACE_CALLS) {
				snprintf(text + length, size - length, "\n at ...");
				break;
			}
			length += (size_t)snprintf(text + length, size - length, "\n at %s (%s:0)", functionName(the, function),
				(module == XS_NO_ID) ? "" : fxGetKeyName(the, module));
		}
		frame = frame->next;
	}
}

#define fxCaptureErrorStack captureStack
#include "xsDefaults.c"
