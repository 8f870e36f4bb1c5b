/*
 * What Node does for the firmware while a turn runs: TLS engines and signatures. A call asks Node and
 * waits for its answer, so simulated time stands, as it does on a device, where such work is native
 * code within the same turn.
 */
#include "natives.h"

static Bytes servicesText;

void serviceSetText(const uint8_t* text, size_t length)
{
	bytesClear(&servicesText);
	bytesPut(&servicesText, text, length);
	bytesPut8(&servicesText, 0);
}

Bytes* serviceBegin(uint8_t kind)
{
	static Bytes request;
	bytesClear(&request);
	bytesPut8(&request, kind);
	return &request;
}

void serviceAsk(xsMachine* the, Bytes* request, Cursor* answer)
{
	static char text[512];
	uint32_t steps, length;
	hostAsk(request, answer);
	steps = cursor32(answer);
	if (steps)
		memoryMeterSet(the, memoryMeter(the) + steps);
	if (!cursor8(answer)) {
		const uint8_t* data = cursorBlock(answer, &length);
		snprintf(text, sizeof(text), "%.*s", (int)length, (const char*)data);
		xsUnknownError("%s", text);
	}
}

/* The record of what Node offers: deeply frozen, made while loading, as a device's lies in flash. */
void xs_services(xsMachine* the)
{
	xsmcVars(2);
	xsmcSetString(xsVar(1), (char*)servicesText.data);
	xsmcGet(xsVar(0), xsGlobal, xsID("JSON"));
	xsResult = xsCall1(xsVar(0), xsID("parse"), xsVar(1));
	xsmcGet(xsVar(0), xsGlobal, xsID("Object"));
	xsResult = xsCall2(xsVar(0), xsID("freeze"), xsResult, xsTrue);
}

/* The signature, or nothing when it failed. */
void xs_signer_sign(xsMachine* the)
{
	Bytes* request = serviceBegin(SERVICE_SIGN);
	Cursor answer;
	void* data;
	uint32_t length;
	const uint8_t* signature;
	xsUnsignedValue count;
	xsmcGetBufferReadable(xsArg(0), &data, &count);
	bytesPutBlock(request, data, count);
	serviceAsk(the, request, &answer);
	signature = cursorBlock(&answer, &length);
	if (length)
		xsmcSetArrayBuffer(xsResult, (void*)signature, (xsIntegerValue)length);
}
