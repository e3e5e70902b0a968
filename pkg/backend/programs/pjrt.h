// The part of PJRT's C API (major version 0, xla/pjrt/c/pjrt_c_api.h of OpenXLA) that keeping
// compiled programs needs. Fields and their order are those of the API, which only ever appends.
#ifndef DARKFIELD_PJRT_H
#define DARKFIELD_PJRT_H

#include <stddef.h>

// Functions by their places in the table of PJRT_Api.
enum {
	ERROR_DESTROY = 0,
	CLIENT_COMPILE = 20,
	EXECUTABLE_DESTROY = 40,
	EXECUTABLE_SERIALIZE = 49,
	LOADED_EXECUTABLE_GET_EXECUTABLE = 51,
	EXECUTABLE_DESERIALIZE_AND_LOAD = 56,
	FUNCTIONS = 57
};

typedef void *(*function)(void *); // arguments in, error or NULL out

typedef struct {
	size_t size;
	void *extensions;
	struct {
		size_t size;
		void *extensions;
		int major, minor;
	} version;
	function functions[FUNCTIONS];
} api;

typedef struct {
	size_t size;
	void *extensions;
	char *code;
	size_t code_size;
	const char *format;
	size_t format_size;
} program;

typedef struct {
	size_t size;
	void *extensions;
	void *client;
	const program *program;
	const char *options;
	size_t options_size;
	void *loaded; // out
} compile_args;

typedef struct {
	size_t size;
	void *extensions;
	void *object;
} destroy_args;

typedef struct {
	size_t size;
	void *extensions;
	void *loaded;
	void *executable; // out
} get_executable_args;

typedef struct {
	size_t size;
	void *extensions;
	void *executable;
	const char *bytes; // out, as are all below
	size_t bytes_size;
	void *owner;
	void (*destroy_owner)(void *);
} serialize_args;

typedef struct {
	size_t size;
	void *extensions;
	void *client;
	const char *bytes;
	size_t bytes_size;
	void *loaded; // out
	const char *options; // NULL: those that it was compiled with
	size_t options_size;
} load_args;

#endif
