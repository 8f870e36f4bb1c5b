/* What the native services share: callbacks held by C, property names, native errors. */
#ifndef __XS_HOST_NATIVES__
#define __XS_HOST_NATIVES__

#include "xs.h"
#include "xsmc.h"
#include "host.h"

#include <stdlib.h>
#include <string.h>

/* Property names, interned before the baseline, so that using them costs no memory. */
typedef struct {
	xsIdentifier baud, format, onError, onReadable, onWritable, target, blockLength, blocks, mode, path, size;
	xsIdentifier receiveHeadroom;
	xsIdentifier transmit, connected, received, closed, failed, serverName, verify, ca, certificate, key;
	xsIdentifier byteLength, read, Uint8Array;
} Names;
extern Names names;

/* board.c: the module `power` */
const char* powerSource(void);

extern const xsHostHooks serialHooks, timerHooks;

/* A function option, or undefined. */
void nativeGetCallback(xsMachine* the, xsSlot* options, xsIdentifier name, xsSlot* callback);
/* An integer argument, or `fallback` when it is absent. */
double nativeNumberArgument(xsMachine* the, int index, double fallback);

#endif
