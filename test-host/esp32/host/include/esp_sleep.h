/* Stand-in: sleep. */
#ifndef STAND_IN_ESP_SLEEP_H
#define STAND_IN_ESP_SLEEP_H

#include "esp_err.h"

#include <stdint.h>

typedef enum { ESP_SLEEP_WAKEUP_EXT0 = 2, ESP_SLEEP_WAKEUP_TIMER = 4 } esp_sleep_source_t;

esp_err_t esp_sleep_enable_timer_wakeup(uint64_t microseconds);
void esp_deep_sleep_start(void) __attribute__((noreturn));
uint32_t esp_sleep_get_wakeup_causes(void);

#endif
