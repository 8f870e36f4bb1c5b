/**
 * In a manifest under the name `setup/network`, which the SDK looks for before it starts an application. From
 * there no relative path leads here: modules are found by their names, which else mirror the folders.
 */
export { default } from "hosts/esp32/network";
