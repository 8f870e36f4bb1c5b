/* Options and pins, with the names and the manners that the SDK's classes have. */
#include "xs.h"
#include "xsmc.h"
#include "mc.xs.h"
#include "builtinCommon.h"
#include "stand-in.h"

#include <string.h>

#define PINS 40

portMUX_TYPE gCommonCriticalMux = portMUX_INITIALIZER_UNLOCKED;
static uint8_t used[PINS];

uint8_t builtinIsPinFree(uint32_t pin)
{
	return (pin < PINS) && !used[pin];
}

uint8_t builtinUsePin(uint32_t pin)
{
	if (!builtinIsPinFree(pin))
		standInFail("pin %u is taken twice", pin);
	used[pin] = 1;
	return 1;
}

void builtinFreePin(uint32_t pin)
{
	if ((pin >= PINS) || !used[pin])
		standInFail("pin %u is given back that was not taken", pin);
	used[pin] = 0;
}

static char* const formats[] = { "number", "buffer", "string" };

static uint8_t formatOf(const char* name)
{
	uint8_t i;
	for (i = 0; i < 3; i++) {
		if (!strcmp(formats[i], name))
			return (uint8_t)(i + 1);
	}
	return kIOFormatInvalid;
}

void builtinGetFormat(xsMachine* the, uint8_t format)
{
	xsmcSetString(xsResult, formats[format - 1]);
}

uint8_t builtinSetFormat(xsMachine* the)
{
	uint8_t format = formatOf(xsmcToString(xsArg(0)));
	if (format == kIOFormatInvalid)
		xsRangeError("unknown");
	return format;
}

uint8_t builtinInitializeFormat(xsMachine* the, uint8_t format)
{
	xsSlot slot;
	if (!xsmcHas(xsArg(0), xsID_format))
		return format;
	xsmcGet(slot, xsArg(0), xsID_format);
	return xsmcTest(slot) ? formatOf(xsmcToString(slot)) : format;
}

void builtinInitializeTarget(xsMachine* the)
{
	xsSlot target;
	if (!xsmcHas(xsArg(0), xsID_target))
		return;
	xsmcGet(target, xsArg(0), xsID_target);
	xsmcSet(xsThis, xsID_target, target);
}

int32_t builtinGetSignedInteger(xsMachine* the, xsSlot* slot)
{
	if (xsmcTypeOf(*slot) == xsUndefinedType)
		xsUnknownError("invalid");
	return xsmcToInteger(*slot);
}

xsSlot* builtinGetCallback(xsMachine* the, xsIdentifier id)
{
	xsSlot slot;
	xsmcGet(slot, xsArg(0), id);
	if ((xsmcTypeOf(slot) == xsUndefinedType) || (xsmcTypeOf(slot) == xsNullType))
		return NULL;
	if (!xsmcIsCallable(slot))
		xsUnknownError("not a function");
	return fxToReference(the, &slot);
}
