/* Stand-in: where code lies. */
#ifndef STAND_IN_ESP_ATTR_H
#define STAND_IN_ESP_ATTR_H

#define IRAM_ATTR

#endif
