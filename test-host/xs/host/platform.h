/*
 * Platform header of the XS host program: what XS asks of the operating system below it.
 * Included by xsPlatform.h (XSPLATFORM).
 */
#ifndef __XS_HOST_PLATFORM__
#define __XS_HOST_PLATFORM__

#if defined(__APPLE__)
	#undef mxMacOSX
	#define mxMacOSX 1
#else
	#undef mxLinux
	#define mxLinux 1
#endif

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define mxUseGCCAtomics 1
#define mxUsePOSIXThreads 1

#define mxMachinePlatform \
	int promiseJobs; \
	void* waiterCondition; \
	void* waiterData; \
	void* waiterLink;

#define mxUseDefaultBuildKeys 1
#define mxUseDefaultMachinePlatform 1
#define mxUseDefaultParseScript 1
#define mxUseDefaultSharedChunks 1

/* Date and Math.random belong to the simulation: its clock in UTC, its seed. */
typedef struct timeval c_timeval;
#define c_timezone timezone
extern int hostTimeOfDay(struct timeval* now, void* zone);
extern uint32_t hostRandom(void);
#define c_gettimeofday hostTimeOfDay
#define c_localtime gmtime
#define c_mktime timegm
#define c_rand hostRandom
#define C_RAND_MAX 0xFFFFFFFFu

#endif
