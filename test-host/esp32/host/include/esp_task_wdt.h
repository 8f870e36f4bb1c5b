/* Stand-in: the task watchdog. */
#ifndef STAND_IN_ESP_TASK_WDT_H
#define STAND_IN_ESP_TASK_WDT_H

#include "esp_err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
	uint32_t timeout_ms;
	uint32_t idle_core_mask;
	bool trigger_panic;
} esp_task_wdt_config_t;
typedef struct Watch* esp_task_wdt_user_handle_t;

esp_err_t esp_task_wdt_init(const esp_task_wdt_config_t* config);
esp_err_t esp_task_wdt_reconfigure(const esp_task_wdt_config_t* config);
esp_err_t esp_task_wdt_add_user(const char* name, esp_task_wdt_user_handle_t* handle);
esp_err_t esp_task_wdt_reset_user(esp_task_wdt_user_handle_t handle);

#endif
