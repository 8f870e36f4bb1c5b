/* Stand-in: as much of FreeRTOS, as ESP-IDF has it, as the device's C files use. */
#ifndef STAND_IN_FREERTOS_H
#define STAND_IN_FREERTOS_H

#include <stddef.h>
#include <stdint.h>

typedef int BaseType_t;
typedef unsigned int UBaseType_t;
typedef uint32_t TickType_t;
typedef struct { int depth; } portMUX_TYPE;

#define pdFALSE 0
#define pdTRUE 1
#define pdPASS 1
#define portMAX_DELAY UINT32_MAX
#define portMUX_INITIALIZER_UNLOCKED { 0 }

void standInEnterCritical(portMUX_TYPE* lock);
void standInExitCritical(portMUX_TYPE* lock);
#define portENTER_CRITICAL(LOCK) standInEnterCritical(LOCK)
#define portEXIT_CRITICAL(LOCK) standInExitCritical(LOCK)

#endif
