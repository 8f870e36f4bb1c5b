/*
 * Modules: found under the device's names, compiled one by one, their byte code kept outside the
 * heap as in flash.
 */
#include "xsAll.h"
#include "xsScript.h"
#include "host.h"

extern void fxRemapIDs(txMachine* the, txByte* codeBuffer, txSize codeSize, txID* theIDs);

typedef struct Module Module;
struct Module {
	Module* next;
	char* name;
	char* source;
	size_t length;
	uint32_t bytecodeBytes;
	int native;
	const uint8_t* code;
	txID key;
};

static Module* firstModule = NULL;
static Module** lastModule = &firstModule;
static const char* parsedName = NULL;
static txScript* hostsScript = NULL;

char loaderError[512] = "";
char loaderMissing[512] = "";

static char* copyText(const char* text, size_t length)
{
	char* copy = malloc(length + 1);
	if (!copy)
		exit(3);
	memcpy(copy, text, length);
	copy[length] = 0;
	return copy;
}

static Module* addModule(const char* name, const char* source, size_t length, int native)
{
	Module* module = calloc(1, sizeof(Module));
	if (!module)
		exit(3);
	module->name = copyText(name, strlen(name));
	module->source = copyText(source, length);
	module->length = length;
	module->native = native;
	*lastModule = module;
	lastModule = &module->next;
	return module;
}

void loaderAdd(const char* name, const char* source, size_t length)
{
	addModule(name, source, length, 0);
}

static Module* findModule(const char* name)
{
	Module* module;
	const char* source;
	for (module = firstModule; module; module = module->next) {
		if (!strcmp(module->name, name))
			return module;
	}
	source = nativeSource(name);
	if (source)
		return addModule(name, source, strlen(source), 1);
	if (!hostNeedModule(name))
		return NULL;
	for (module = firstModule; module->next; module = module->next)
		;
	return module;
}

/* A module may have been sent ahead and not be imported any more. */
static int counts(Module* module)
{
	return !module->native && module->bytecodeBytes;
}

void loaderPutSizes(Bytes* bytes)
{
	Module* module;
	uint32_t count = 0;
	for (module = firstModule; module; module = module->next)
		count += counts(module);
	bytesPut32(bytes, count);
	for (module = firstModule; module; module = module->next) {
		if (counts(module)) {
			bytesPutText(bytes, module->name);
			bytesPut32(bytes, module->bytecodeBytes);
		}
	}
}

int32_t loaderModuleOf(const uint8_t* code)
{
	Module* module;
	for (module = firstModule; module; module = module->next) {
		if (module->code && (module->code <= code) && (code < module->code + module->bytecodeBytes))
			return module->key;
	}
	return XS_NO_ID;
}

/* The device's rule: names mirror folders, a relative specifier may end in .js or .mjs. */
txID fxFindModule(txMachine* the, txSlot* realm, txID moduleID, txSlot* slot)
{
	char name[C_PATH_MAX];
	char path[2 * C_PATH_MAX];
	char importer[C_PATH_MAX];
	char* from = name;
	char* slash;
	char* dot;
	(void)realm;
	fxToStringBuffer(the, slot, name, sizeof(name));
	slash = strrchr(name, '/');
	dot = strrchr(slash ? slash : name, '.');
	if (dot && (!strcmp(dot, ".js") || !strcmp(dot, ".mjs")))
		*dot = 0;
	path[0] = 0;
	if (name[0] == '.') {
		if (moduleID == XS_NO_ID)
			return XS_NO_ID;
		snprintf(path, C_PATH_MAX, "%s", fxGetKeyName(the, moduleID));
		slash = strrchr(path, '/');
		if (slash)
			*slash = 0;
		else
			path[0] = 0;
		for (;;) {
			if (!strncmp(from, "./", 2))
				from += 2;
			else if (!strncmp(from, "../", 3)) {
				if (!path[0])
					return XS_NO_ID;
				from += 3;
				slash = strrchr(path, '/');
				if (slash)
					*slash = 0;
				else
					path[0] = 0;
			}
			else
				break;
		}
		if (path[0])
			strcat(path, "/");
	}
	strcat(path, from);
	if (findModule(path))
		return fxNewNameC(the, path);
	snprintf(importer, sizeof(importer), "%s", (moduleID == XS_NO_ID) ? "the host" : fxGetKeyName(the, moduleID));
	snprintf(loaderMissing, sizeof(loaderMissing), "%.200s imports %.200s, which is not there", importer, path);
	return XS_NO_ID;
}

static void reportError(void* console, txString path, txInteger line, txString format, c_va_list arguments)
{
	int length = snprintf(loaderError, sizeof(loaderError), "%s:%d: ", parsedName, (int)line);
	(void)console;
	(void)path;
	if ((0 <= length) && ((size_t)length < sizeof(loaderError)))
		vsnprintf(loaderError + length, sizeof(loaderError) - (size_t)length, format, arguments);
}

static void ignoreWarning(void* console, txString path, txInteger line, txString format, c_va_list arguments)
{
	(void)console;
	(void)path;
	(void)line;
	(void)format;
	(void)arguments;
}

static txScript* parse(txMachine* the, Module* module)
{
	txParser parser;
	txParserJump jump;
	txScript* volatile script = NULL;
	txStringCStream stream;
	stream.buffer = module->source;
	stream.offset = 0;
	stream.size = (txSize)module->length;
	parsedName = module->name;
	fxInitializeParser(&parser, the, the->parserBufferSize, the->parserTableModulo);
	parser.reportError = reportError;
	parser.reportWarning = ignoreWarning;
	parser.firstJump = &jump;
	if (c_setjmp(jump.jmp_buf) == 0) {
		/* mxCFlag: the @ syntax, by which a device's modules name their C functions. */
		fxParserTree(&parser, &stream, fxStringCGetter, module->native ? mxCFlag : 0, NULL);
		fxParserHoist(&parser);
		fxParserBind(&parser);
		script = fxParserCode(&parser);
	}
	fxTerminateParser(&parser);
	return script;
}

/* Keys instead of the script's own symbol numbers, as the linker of a device does. */
static void linkSymbols(txMachine* the, txScript* script)
{
	txByte* p = script->symbolsBuffer;
	txID count, i;
	txID* ids;
	mxDecodeID(p, count);
	ids = calloc((size_t)count + 1, sizeof(txID));
	if (!ids)
		exit(3);
	ids[0] = XS_NO_ID;
	for (i = 1; i < count; i++) {
		ids[i] = fxNewNameC(the, (txString)p);
		p += mxStringLength((char*)p) + 1;
	}
	fxRemapIDs(the, script->codeBuffer, script->codeSize, ids);
	if (script->hostsBuffer) {
		txByte* q = script->hostsBuffer;
		txID c, id;
		mxDecodeID(q, c);
		while (c > 0) {
			q++;
			mxDecodeID(q, id);
			if (id != XS_NO_ID) {
				id = ids[id];
				q -= sizeof(txID);
				mxEncodeID(q, id);
			}
			q += mxStringLength((char*)q) + 1;
			c--;
		}
	}
	free(ids);
	free(script->symbolsBuffer);
	script->symbolsBuffer = NULL;
}

/* Functions and strings are used where they lie, instead of being copied into the heap. */
static void useInPlace(txScript* script)
{
	txByte* p = script->codeBuffer;
	txByte* q = p + script->codeSize;
	while (p < q) {
		txU1 code = *(txU1*)p;
		txS1 size = gxCodeSizes[code];
		switch (code) {
		case XS_CODE_CODE_1: *(txU1*)p = XS_CODE_CODE_ARCHIVE_1; break;
		case XS_CODE_CODE_2: *(txU1*)p = XS_CODE_CODE_ARCHIVE_2; break;
		case XS_CODE_CODE_4: *(txU1*)p = XS_CODE_CODE_ARCHIVE_4; break;
		case XS_CODE_STRING_1: *(txU1*)p = XS_CODE_STRING_ARCHIVE_1; break;
		case XS_CODE_STRING_2: *(txU1*)p = XS_CODE_STRING_ARCHIVE_2; break;
		case XS_CODE_STRING_4: *(txU1*)p = XS_CODE_STRING_ARCHIVE_4; break;
		}
		if (0 < size)
			p += size;
		else if (0 == size)
			p += 1 + sizeof(txID);
		else if (-1 == size)
			p += 2 + *(txU1*)(p + 1);
		else if (-2 == size) {
			txU2 length;
			p++;
			mxDecode2(p, length);
			p += length;
		}
		else {
			txU4 length;
			p++;
			mxDecode4(p, length);
			p += length;
		}
	}
}

/* The C functions that a native module names, in the order of its code. */
static void buildHosts(txMachine* the)
{
	txByte* p = hostsScript->hostsBuffer;
	txID count, i;
	mxDecodeID(p, count);
	{
		txHostFunctionBuilder* builders = calloc((size_t)count, sizeof(txHostFunctionBuilder));
		if (!builders)
			exit(3);
		for (i = 0; i < count; i++) {
			builders[i].length = *(txS1*)p++;
			mxDecodeID(p, builders[i].id);
			builders[i].callback = (txCallback)nativeCallback((char*)p);
			p += mxStringLength((char*)p) + 1;
		}
		fxBuildHosts(the, count, builders);
		free(builders);
	}
	mxPullSlot(mxResult);
}

void fxLoadModule(txMachine* the, txSlot* slot, txID moduleID)
{
	Module* module = findModule(fxGetKeyName(the, moduleID));
	txScript* script;
	if (!module)
		return;
	script = parse(the, module);
	if (!script || loaderError[0]) {
		if (!loaderError[0])
			snprintf(loaderError, sizeof(loaderError), "%s: invalid module", module->name);
		mxSyntaxError("%s", loaderError);
	}
	module->bytecodeBytes = (uint32_t)script->codeSize;
	module->code = (const uint8_t*)script->codeBuffer;
	module->key = moduleID;
	linkSymbols(the, script);
	useInPlace(script);
	if (script->hostsBuffer) {
		hostsScript = script;
		script->callback = buildHosts;
	}
	fxResolveModule(the, slot, moduleID, script, C_NULL, C_NULL);
}
