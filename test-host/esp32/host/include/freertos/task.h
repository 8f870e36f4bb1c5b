/* Stand-in: tasks and their notifications. */
#ifndef STAND_IN_TASK_H
#define STAND_IN_TASK_H

#include "freertos/FreeRTOS.h"

typedef struct Task* TaskHandle_t;
typedef void (*TaskFunction_t)(void* argument);
typedef enum { eNoAction, eSetBits } eNotifyAction;

BaseType_t xTaskCreate(TaskFunction_t code, const char* name, uint32_t stackBytes, void* argument,
	UBaseType_t priority, TaskHandle_t* task);
void vTaskDelete(TaskHandle_t task);
BaseType_t xTaskNotify(TaskHandle_t task, uint32_t value, eNotifyAction action);
BaseType_t xTaskNotifyFromISR(TaskHandle_t task, uint32_t value, eNotifyAction action, BaseType_t* woken);
BaseType_t xTaskNotifyWait(uint32_t clearOnEntry, uint32_t clearOnExit, uint32_t* value, TickType_t ticks);

#endif
