/*
 * The native modules of the host: their JavaScript faces, in the syntax of the SDK's modules, and
 * the table of the C functions behind them.
 */
#include "natives.h"

Names names;

#define NATIVE(name) extern void name(xsMachine* the);
#define NATIVES \
	NATIVE(xs_serial) NATIVE(xs_serial_read) NATIVE(xs_serial_write) NATIVE(xs_serial_close) \
	NATIVE(xs_serial_get_format) NATIVE(xs_serial_set_format) NATIVE(xs_serial_headroom) \
	NATIVE(xs_timer_set) NATIVE(xs_timer_repeat) NATIVE(xs_timer_schedule) NATIVE(xs_timer_clear) \
	NATIVE(xs_time_ticks) NATIVE(xs_time_delta) NATIVE(xs_time_set) \
	NATIVE(xs_flash) NATIVE(xs_flash_read) NATIVE(xs_flash_write) NATIVE(xs_flash_erase) \
	NATIVE(xs_flash_status) NATIVE(xs_flash_close) \
	NATIVE(xs_oldflash) NATIVE(xs_oldflash_erase) NATIVE(xs_oldflash_read) NATIVE(xs_oldflash_write) \
	NATIVE(xs_oldflash_map) NATIVE(xs_oldflash_length) NATIVE(xs_oldflash_block) \
	NATIVE(xs_resource) NATIVE(xs_resource_exists) NATIVE(xs_resource_length) NATIVE(xs_resource_slice) \
	NATIVE(xs_power_key) NATIVE(xs_power_reset) NATIVE(xs_power_status) NATIVE(xs_power_wake) \
	NATIVE(xs_restart_sleep) NATIVE(xs_restart_now) NATIVE(xs_restart_feed) \
	NATIVE(xs_report) NATIVE(xs_messages_listen) \
	NATIVE(xs_services) NATIVE(xs_signer_sign) \
	NATIVE(xs_keys_generate) NATIVE(xs_keys_open) NATIVE(xs_keys_sign) \
	NATIVE(xs_tls) NATIVE(xs_tls_start) NATIVE(xs_tls_receive) NATIVE(xs_tls_write) NATIVE(xs_tls_end) \
	NATIVE(xs_tls_close)
NATIVES
#undef NATIVE

extern void xs_serial_destructor(void* data);
extern void xs_timer_destructor(void* data);
extern void xs_flash_destructor(void* data);
extern void xs_oldflash_destructor(void* data);
extern void xs_resource_destructor(void* data);
extern void xs_tls_destructor(void* data);

typedef struct {
	const char* name;
	const char* source;
} NativeModule;

static const NativeModule serialModules[2] = {
	{ "embedded:io/serial",
		"class Serial @ 'xs_serial_destructor' {\n"
		"	constructor(options) @ 'xs_serial'\n"
		"	close() @ 'xs_serial_close'\n"
		"	read(count) @ 'xs_serial_read'\n"
		"	write(data) @ 'xs_serial_write'\n"
		"	get format() @ 'xs_serial_get_format'\n"
		"	set format(value) @ 'xs_serial_set_format'\n"
		"}\n"
		"export default Serial;\n" },
	{ "embedded:io/serial",
		"class Serial @ 'xs_serial_destructor' {\n"
		"	constructor(options) @ 'xs_serial'\n"
		"	close() @ 'xs_serial_close'\n"
		"	read(count) @ 'xs_serial_read'\n"
		"	write(data) @ 'xs_serial_write'\n"
		"	get format() @ 'xs_serial_get_format'\n"
		"	set format(value) @ 'xs_serial_set_format'\n"
		"	get receiveHeadroom() @ 'xs_serial_headroom'\n"
		"}\n"
		"export default Serial;\n" },
};

static const NativeModule modules[] = {
	{ "timer",
		"class Timer @ 'xs_timer_destructor' {\n"
		"	static set(callback, ms, repeat) @ 'xs_timer_set'\n"
		"	static repeat(callback, ms) @ 'xs_timer_repeat'\n"
		"	static schedule(timer, ms, repeat) @ 'xs_timer_schedule'\n"
		"	static clear(timer) @ 'xs_timer_clear'\n"
		"}\n"
		"export default Timer;\n" },
	{ "time",
		"class Time {\n"
		"	static get ticks() @ 'xs_time_ticks'\n"
		"	static delta(start, end) @ 'xs_time_delta'\n"
		"	static set(seconds) @ 'xs_time_set'\n"
		"}\n"
		"export default Time;\n" },
	{ "embedded:storage/flash",
		"class Flash @ 'xs_flash_destructor' {\n"
		"	constructor(options) @ 'xs_flash'\n"
		"	read(target, offset) @ 'xs_flash_read'\n"
		"	write(data, offset) @ 'xs_flash_write'\n"
		"	eraseBlock(start, end) @ 'xs_flash_erase'\n"
		"	status() @ 'xs_flash_status'\n"
		"	close() @ 'xs_flash_close'\n"
		"}\n"
		"class Storage {\n"
		"	static open(options) { return new Flash(options); }\n"
		"}\n"
		"export default Storage;\n" },
	{ "flash",
		"class Flash @ 'xs_oldflash_destructor' {\n"
		"	constructor(name) @ 'xs_oldflash'\n"
		"	erase(sector) @ 'xs_oldflash_erase'\n"
		"	read(offset, byteLength) @ 'xs_oldflash_read'\n"
		"	write(offset, byteLength, buffer) @ 'xs_oldflash_write'\n"
		"	map() @ 'xs_oldflash_map'\n"
		"	get byteLength() @ 'xs_oldflash_length'\n"
		"	get blockSize() @ 'xs_oldflash_block'\n"
		"}\n"
		"export default Flash;\n" },
	{ "Resource",
		"class Resource @ 'xs_resource_destructor' {\n"
		"	constructor(name) @ 'xs_resource'\n"
		"	get byteLength() @ 'xs_resource_length'\n"
		"	slice(begin, end, copy) @ 'xs_resource_slice'\n"
		"	static exists(name) @ 'xs_resource_exists'\n"
		"}\n"
		"export default Resource;\n" },
	{ "restart",
		"class Restart {\n"
		"	static sleep(ms) @ 'xs_restart_sleep'\n"
		"	static now() @ 'xs_restart_now'\n"
		"	static feed(timeoutMs) @ 'xs_restart_feed'\n"
		"}\n"
		"export default Restart;\n" },
	{ "report",
		"function report(event) @ 'xs_report'\n"
		"export default report;\n" },
	{ "messages",
		"function listen(callback) @ 'xs_messages_listen'\n"
		"export default listen;\n" },
	{ "services",
		"function services() @ 'xs_services'\n"
		"export default services();\n" },
	{ "tls",
		"class TlsEngine @ 'xs_tls_destructor' {\n"
		"	constructor(options) @ 'xs_tls'\n"
		"	start() @ 'xs_tls_start'\n"
		"	receive(bytes) @ 'xs_tls_receive'\n"
		"	write(bytes) @ 'xs_tls_write'\n"
		"	end() @ 'xs_tls_end'\n"
		"	close() @ 'xs_tls_close'\n"
		"}\n"
		"export default TlsEngine;\n" },
	{ "keys",
		"class Keys {\n"
		"	static generate() @ 'xs_keys_generate'\n"
		"	static open(bytes) @ 'xs_keys_open'\n"
		"	static sign(pkcs8, bytes) @ 'xs_keys_sign'\n"
		"}\n"
		"export default Keys;\n" },
	{ "signer",
		"import Timer from 'timer';\n"
		"function sign(bytes) @ 'xs_signer_sign'\n"
		"export default function(bytes, done) {\n"
		"	const signature = sign(bytes);\n"
		"	Timer.set(() => done(signature && new Uint8Array(signature)));\n"
		"}\n" },
	{ NULL, NULL }
};

typedef struct {
	const char* name;
	NativeCallback callback;
} NativeFunction;

static const NativeFunction functions[] = {
#define NATIVE(name) { #name, name },
	NATIVES
#undef NATIVE
	/* Destructors stand in the same list of a module; their shape is told by a negative length. */
	{ "xs_serial_destructor", (NativeCallback)xs_serial_destructor },
	{ "xs_timer_destructor", (NativeCallback)xs_timer_destructor },
	{ "xs_flash_destructor", (NativeCallback)xs_flash_destructor },
	{ "xs_oldflash_destructor", (NativeCallback)xs_oldflash_destructor },
	{ "xs_resource_destructor", (NativeCallback)xs_resource_destructor },
	{ "xs_tls_destructor", (NativeCallback)xs_tls_destructor },
	{ NULL, NULL }
};

const char* nativeSource(const char* module)
{
	const NativeModule* at;
	if (!strcmp(module, serialModules[0].name))
		return serialModules[settings.headroom[PORT_MODULE] || settings.headroom[PORT_CONSOLE] ? 1 : 0].source;
	if (!strcmp(module, "power"))
		return powerSource();
	for (at = modules; at->name; at++) {
		if (!strcmp(at->name, module))
			return at->source;
	}
	return NULL;
}

NativeCallback nativeCallback(const char* name)
{
	const NativeFunction* at;
	for (at = functions; at->name; at++) {
		if (!strcmp(at->name, name))
			return at->callback;
	}
	fprintf(stderr, "xs host: no native function %s\n", name);
	exit(3);
}

void nativesIntern(xsMachine* the)
{
	names.baud = xsID("baud");
	names.format = xsID("format");
	names.onError = xsID("onError");
	names.onReadable = xsID("onReadable");
	names.onWritable = xsID("onWritable");
	names.target = xsID("target");
	names.blockLength = xsID("blockLength");
	names.blocks = xsID("blocks");
	names.mode = xsID("mode");
	names.path = xsID("path");
	names.size = xsID("size");
	names.receiveHeadroom = xsID("receiveHeadroom");
	names.transmit = xsID("transmit");
	names.connected = xsID("connected");
	names.received = xsID("received");
	names.closed = xsID("closed");
	names.failed = xsID("failed");
	names.serverName = xsID("serverName");
	names.verify = xsID("verify");
	names.ca = xsID("ca");
	names.certificate = xsID("certificate");
	names.key = xsID("key");
	names.byteLength = xsID("byteLength");
	names.read = xsID("read");
	names.Uint8Array = xsID("Uint8Array");
}

void nativeGetCallback(xsMachine* the, xsSlot* options, xsIdentifier name, xsSlot* callback)
{
	xsSlot value;
	memset(callback, 0, sizeof(xsSlot));
	xsmcGet(value, *options, name);
	if (xsmcTypeOf(value) == xsUndefinedType)
		return;
	if (!xsmcIsCallable(value))
		xsTypeError("callback is no function");
	*callback = value;
	callback->data[0] = NULL;
}

double nativeNumberArgument(xsMachine* the, int index, double fallback)
{
	if ((xsmcArgc <= index) || (xsmcTypeOf(xsArg(index)) == xsUndefinedType))
		return fallback;
	return xsmcToNumber(xsArg(index));
}
