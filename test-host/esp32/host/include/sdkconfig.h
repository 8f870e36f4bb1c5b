/* Stand-in: a build with the task watchdog, begun by the chip, or by the program, or with none. */
#ifndef STAND_IN_SDKCONFIG_H
#define STAND_IN_SDKCONFIG_H

#ifndef STAND_IN_NO_WATCHDOG
#define CONFIG_ESP_TASK_WDT_EN 1
#ifndef STAND_IN_LATE_WATCHDOG
#define CONFIG_ESP_TASK_WDT_INIT 1
#define CONFIG_ESP_TASK_WDT_TIMEOUT_S 5
#endif
#endif

#endif
