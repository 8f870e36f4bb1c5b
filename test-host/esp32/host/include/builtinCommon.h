/* Stand-in: what the SDK's classes of input and output share. */
#ifndef STAND_IN_BUILTIN_COMMON_H
#define STAND_IN_BUILTIN_COMMON_H

#include "freertos/FreeRTOS.h"

enum { kIOFormatNumber = 1, kIOFormatBuffer = 2, kIOFormatString = 3, kIOFormatInvalid = 0xFF };

extern portMUX_TYPE gCommonCriticalMux;
#define builtinCriticalSectionBegin() portENTER_CRITICAL(&gCommonCriticalMux)
#define builtinCriticalSectionEnd() portEXIT_CRITICAL(&gCommonCriticalMux)

void builtinGetFormat(xsMachine* the, uint8_t format);
uint8_t builtinSetFormat(xsMachine* the);
uint8_t builtinInitializeFormat(xsMachine* the, uint8_t format);
void builtinInitializeTarget(xsMachine* the);
int32_t builtinGetSignedInteger(xsMachine* the, xsSlot* slot);
xsSlot* builtinGetCallback(xsMachine* the, xsIdentifier id);

uint8_t builtinIsPinFree(uint32_t pin);
uint8_t builtinUsePin(uint32_t pin);
void builtinFreePin(uint32_t pin);

#endif
