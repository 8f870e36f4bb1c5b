/* Stand-in: addresses. */
#ifndef STAND_IN_ESP_MAC_H
#define STAND_IN_ESP_MAC_H

#include "esp_err.h"

#include <stdint.h>

typedef enum { ESP_MAC_BASE = 5, ESP_MAC_EFUSE_FACTORY = 6 } esp_mac_type_t;

esp_err_t esp_read_mac(uint8_t* mac, esp_mac_type_t type);

#endif
