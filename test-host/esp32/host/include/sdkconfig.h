/* Stand-in: a build with the task watchdog. */
#ifndef STAND_IN_SDKCONFIG_H
#define STAND_IN_SDKCONFIG_H

#define CONFIG_ESP_TASK_WDT_EN 1
#define CONFIG_ESP_TASK_WDT_TIMEOUT_S 5

#endif
