/* The board around the firmware: the module's control lines, restarts, reports, messages, chance. */
#include "natives.h"

#include <math.h>

static uint32_t randomState[4];
static xsSlot listener;
static int listening = 0;

static void setLine(xsMachine* the, uint8_t line)
{
	int asserted = xsmcToBoolean(xsArg(0));
	Bytes* bytes = actionBegin(ACTION_LINE);
	bytesPut8(bytes, line);
	bytesPut8(bytes, (uint8_t)(asserted ? 1 : 0));
}

void xs_power_key(xsMachine* the)
{
	setLine(the, LINE_POWER_KEY);
}

void xs_power_reset(xsMachine* the)
{
	setLine(the, LINE_RESET);
}

void xs_power_wake(xsMachine* the)
{
	setLine(the, LINE_WAKE);
}

void xs_power_status(xsMachine* the)
{
	xsmcSetBoolean(xsResult, inputs.moduleStatus);
}

/* A class with the lines that are wired. */
const char* powerSource(void)
{
	static char source[512];
	snprintf(source, sizeof(source), "class Power {\n%s%s%s%s}\nexport default Power;\n",
		settings.wired & WIRED_POWER_KEY ? "	static powerKey(asserted) @ 'xs_power_key'\n" : "",
		settings.wired & WIRED_RESET ? "	static reset(asserted) @ 'xs_power_reset'\n" : "",
		settings.wired & WIRED_STATUS ? "	static status() @ 'xs_power_status'\n" : "",
		settings.wired & WIRED_WAKE ? "	static wake(asserted) @ 'xs_power_wake'\n" : "");
	return source;
}

void xs_restart_sleep(xsMachine* the)
{
	double ms = nativeNumberArgument(the, 0, -1);
	if (!((0 <= ms) && isfinite(ms)))
		xsRangeError("invalid interval");
	hostEnd(the, END_SLEEP, ms);
}

void xs_restart_now(xsMachine* the)
{
	hostEnd(the, END_RESTART, 0);
}

void xs_restart_feed(xsMachine* the)
{
	bytesPutDouble(actionBegin(ACTION_FEED), xsmcToNumber(xsArg(0)));
}

static void putJsonUnit(Bytes* bytes, unsigned unit)
{
	char escape[8];
	snprintf(escape, sizeof(escape), "\\u%04x", unit);
	bytesPut(bytes, escape, 6);
}

/* XS strings are UTF-8, but write NUL as C0 80 and surrogates as three bytes each. */
static void putJsonString(Bytes* bytes, const char* text)
{
	const uint8_t* p = (const uint8_t*)text;
	bytesPut8(bytes, '"');
	while (*p) {
		if ((*p == '"') || (*p == '\\')) {
			bytesPut8(bytes, '\\');
			bytesPut8(bytes, *p++);
		}
		else if (*p < 0x20)
			putJsonUnit(bytes, *p++);
		else if ((p[0] == 0xC0) && (p[1] == 0x80)) {
			putJsonUnit(bytes, 0);
			p += 2;
		}
		else if ((p[0] == 0xED) && (p[1] >= 0xA0)) {
			putJsonUnit(bytes, 0xD000u | ((p[1] & 0x3Fu) << 6) | (p[2] & 0x3Fu));
			p += 3;
		}
		else
			bytesPut8(bytes, *p++);
	}
	bytesPut8(bytes, '"');
}

static void putJsonNumber(Bytes* bytes, double value)
{
	char text[32];
	int digits;
	if (!isfinite(value)) {
		bytesPut(bytes, "null", 4);
		return;
	}
	for (digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	bytesPut(bytes, text, strlen(text));
}

static void putJsonValue(xsMachine* the, Bytes* bytes, xsSlot* value)
{
	switch (xsmcTypeOf(*value)) {
	case xsUndefinedType:
	case xsNullType:
		bytesPut(bytes, "null", 4);
		break;
	case xsBooleanType:
		if (xsmcToBoolean(*value))
			bytesPut(bytes, "true", 4);
		else
			bytesPut(bytes, "false", 5);
		break;
	case xsIntegerType:
	case xsNumberType:
		putJsonNumber(bytes, xsmcToNumber(*value));
		break;
	case xsStringType:
	case xsStringXType:
		putJsonString(bytes, xsmcToString(*value));
		break;
	default:
		xsTypeError("report: a value is neither string, number nor boolean");
	}
}

/* Serialised here, so that a report costs the firmware nothing but the call. */
void xs_report(xsMachine* the)
{
	static Bytes text;
	int count = xsmcArgc;
	int i;
	bytesClear(&text);
	bytesPut8(&text, '[');
	for (i = 0; i < count; i++) {
		if (i)
			bytesPut8(&text, ',');
		putJsonValue(the, &text, &xsArg(i));
	}
	bytesPut8(&text, ']');
	bytesPutBlock(actionBegin(ACTION_REPORT), text.data, text.length);
}

void xs_messages_listen(xsMachine* the)
{
	if (!xsmcIsCallable(xsArg(0)))
		xsTypeError("callback is no function");
	if (listening)
		xsForget(listener);
	listener = xsArg(0);
	xsRemember(listener);
	listening = 1;
}

void messageReceived(xsMachine* the, const char* text)
{
	if (listening) {
		xsmcVars(1);
		xsmcSetString(xsVar(0), (char*)text);
		xsCallFunction1(listener, xsGlobal, xsVar(0));
	}
}

void randomSeed(uint32_t seed)
{
	int i;
	/* splitmix32 spreads any seed, zero included, over the state. */
	for (i = 0; i < 4; i++) {
		uint32_t z = (seed += 0x9E3779B9u);
		z = (z ^ (z >> 16)) * 0x85EBCA6Bu;
		z = (z ^ (z >> 13)) * 0xC2B2AE35u;
		randomState[i] = z ^ (z >> 16);
	}
}

/* xoshiro128** */
uint32_t hostRandom(void)
{
	uint32_t* s = randomState;
	uint32_t r = s[1] * 5;
	uint32_t t = s[1] << 9;
	r = ((r << 7) | (r >> 25)) * 9;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 11) | (s[3] >> 21);
	return r;
}
