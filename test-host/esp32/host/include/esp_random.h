/* Stand-in: the generator of random numbers. */
#ifndef STAND_IN_ESP_RANDOM_H
#define STAND_IN_ESP_RANDOM_H

#include <stddef.h>

void esp_fill_random(void* data, size_t length);

#endif
