// Calls the library through the very C interface that the generated Swift calls: an object made, cloned and freed, records,
// lists, enums and optional values in and out, errors, and an asynchronous call polled to its end. The comments name the
// Swift construct that each part stands for.

#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "HaversackFFI.h"

enum { CONTRACT_VERSION = 30, POLL_READY = 0, CALL_SUCCESS = 0, CALL_ERROR = 1 };
enum { RETRY_LATER = 1, UNLOCK = 2, JOIN_SPACE = 3, ASK_COORDINATOR = 4, FIX_INPUT = 7 };
enum { UNTRUSTED = 3, REFUSED = 5 };
enum { ROLE_EDUCATOR = 1, ROLE_COORDINATOR = 3 };
enum { WHO_ANONYMOUS = 2, DIRECTION_OUT = 1 };

static int checks = 0;

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
        checks++;                                                           \
    } while (0)

// MARK: buffers (RustBuffer, ForeignBytes)

static RustBuffer lower_bytes(const uint8_t *data, uint64_t length) {
    RustCallStatus status = {0};
    ForeignBytes bytes = {.len = (int32_t)length, .data = data};
    RustBuffer buffer = ffi_haversack_ffi_rustbuffer_from_bytes(bytes, &status);
    CHECK(status.code == CALL_SUCCESS);
    return buffer;
}

static RustBuffer lower(const char *text) {
    return lower_bytes((const uint8_t *)text, strlen(text));
}

static void release(RustBuffer buffer) {
    RustCallStatus status = {0};
    ffi_haversack_ffi_rustbuffer_free(buffer, &status);
    CHECK(status.code == CALL_SUCCESS);
}

// MARK: values within buffers (FfiConverter...): integers are big-endian, lists and strings are preceded by their length

typedef struct {
    uint8_t data[1024];
    uint64_t length;
} Writer;

static void put_integer(Writer *writer, uint64_t value, int width) {
    CHECK(writer->length + (uint64_t)width <= sizeof writer->data);
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) {
        writer->data[writer->length++] = (uint8_t)(value >> shift);
    }
}

static void put_string(Writer *writer, const char *text) {
    put_integer(writer, strlen(text), 4);
    for (const char *next = text; *next != '\0'; next++) {
        put_integer(writer, (uint8_t)*next, 1);
    }
}

static void put_nothing(Writer *writer) {
    put_integer(writer, 0, 1);
}

static RustBuffer lower_written(const Writer *writer) {
    return lower_bytes(writer->data, writer->length);
}

typedef struct {
    RustBuffer buffer;
    uint64_t at;
} Reader;

static uint64_t read_integer(Reader *reader, uint64_t width) {
    uint64_t value = 0;
    CHECK(reader->at + width <= reader->buffer.len);
    for (uint64_t i = 0; i < width; i++) {
        value = value << 8 | reader->buffer.data[reader->at++];
    }
    return value;
}

static void read_string(Reader *reader, char *text, uint64_t size) {
    uint64_t length = read_integer(reader, 4);
    CHECK(length < size && reader->at + length <= reader->buffer.len);
    memcpy(text, reader->buffer.data + reader->at, length);
    text[length] = '\0';
    reader->at += length;
}

// MARK: errors (rustCallWithError)

static void expect_success(const RustCallStatus *status) {
    if (status->code != CALL_SUCCESS) {
        fprintf(stderr, "code %d: %.*s\n", status->code, (int)status->errorBuf.len, (const char *)status->errorBuf.data);
    }
    CHECK(status->code == CALL_SUCCESS);
}

static void expect_error(const RustCallStatus *status, uint64_t variant) {
    CHECK(status->code == CALL_ERROR);
    Reader reader = {status->errorBuf, 0};
    CHECK(read_integer(&reader, 4) == variant);
    char message[256];
    read_string(&reader, message, sizeof message);
    CHECK(message[0] != '\0' && reader.at == reader.buffer.len);
    release(status->errorBuf);
}

// MARK: asynchronous calls (uniffiRustCallAsync)

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int8_t result;
    bool called;
} Waiter;

static void wake(uint64_t data, int8_t result) {
    Waiter *waiter = (Waiter *)(uintptr_t)data;
    pthread_mutex_lock(&waiter->mutex);
    waiter->result = result;
    waiter->called = true;
    pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&waiter->mutex);
}

static void wait_for(Waiter *waiter) {
    pthread_mutex_lock(&waiter->mutex);
    while (!waiter->called) {
        pthread_cond_wait(&waiter->changed, &waiter->mutex);
    }
    pthread_mutex_unlock(&waiter->mutex);
}

static int8_t poll_once(uint64_t future) {
    Waiter waiter = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    ffi_haversack_ffi_rust_future_poll_rust_buffer(future, wake, (uint64_t)(uintptr_t)&waiter);
    wait_for(&waiter);
    return waiter.result;
}

static RustBuffer finish(uint64_t future, RustCallStatus *status) {
    while (poll_once(future) != POLL_READY) {
    }
    RustBuffer result = ffi_haversack_ffi_rust_future_complete_rust_buffer(future, status);
    ffi_haversack_ffi_rust_future_free_rust_buffer(future);
    return result;
}

// MARK: an object (Notebook): every call takes a handle of its own, and gives it up

static uint64_t handle_of(uint64_t notebook) {
    RustCallStatus status = {0};
    uint64_t handle = uniffi_haversack_ffi_fn_clone_notebook(notebook, &status);
    expect_success(&status);
    return handle;
}

static void free_notebook(uint64_t notebook) {
    RustCallStatus status = {0};
    uniffi_haversack_ffi_fn_free_notebook(notebook, &status);
    expect_success(&status);
}

// A list of bytes is an argument like any other list: its length stands before it.
static RustBuffer passphrase(const char *text) {
    Writer writer = {0};
    put_string(&writer, text);
    return lower_written(&writer);
}

static uint64_t create(const char *folder) {
    RustCallStatus status = {0};
    RustBuffer secret = passphrase("six words or more, please");
    uint64_t notebook = uniffi_haversack_ffi_fn_constructor_notebook_create(lower(folder), secret, &status);
    expect_success(&status);
    return notebook;
}

static RustBuffer a_site(void) {
    Writer writer = {0};
    put_string(&writer, "KM-V");
    put_string(&writer, "mobile_van");
    put_nothing(&writer);
    put_integer(&writer, 1, 1);
    put_integer(&writer, 1020, 2);
    return lower_written(&writer);
}

// A list of one contact, with someone of whom only the sex was asked, who got `quantity` syringes.
static RustBuffer a_contact(uint64_t quantity) {
    Writer writer = {0};
    put_integer(&writer, 1, 4);
    put_integer(&writer, WHO_ANONYMOUS, 4);
    put_integer(&writer, 1, 1);
    put_string(&writer, "F");
    put_nothing(&writer);
    put_string(&writer, "KM-V");
    put_nothing(&writer);
    put_integer(&writer, 1, 4);
    put_integer(&writer, DIRECTION_OUT, 4);
    put_string(&writer, "syringe_fixed_1ml");
    put_integer(&writer, quantity, 4);
    put_integer(&writer, 0, 4);
    put_nothing(&writer);
    return lower_written(&writer);
}

static void log_contact(uint64_t notebook, const char *day, uint64_t quantity, RustCallStatus *status) {
    uint64_t handle = handle_of(notebook);
    RustBuffer ids = uniffi_haversack_ffi_fn_method_notebook_log(handle, lower(day), a_contact(quantity), status);
    if (status->code == CALL_SUCCESS) {
        Reader reader = {ids, 0};
        CHECK(read_integer(&reader, 4) == 1);
        release(ids);
    }
}

// MARK: tests

static void same_contract(void) {
    CHECK(ffi_haversack_ffi_uniffi_contract_version() == CONTRACT_VERSION);
}

static void version_is_three_numbers(void) {
    RustCallStatus status = {0};
    RustBuffer buffer = uniffi_haversack_ffi_fn_func_version(&status);
    expect_success(&status);
    char text[32] = {0};
    CHECK(buffer.len < sizeof text);
    memcpy(text, buffer.data, buffer.len);
    int major, minor, patch;
    CHECK(sscanf(text, "%d.%d.%d", &major, &minor, &patch) == 3);
    release(buffer);
}

static void sites_need_a_space(uint64_t notebook) {
    RustCallStatus status = {0};
    uniffi_haversack_ffi_fn_method_notebook_put_site(handle_of(notebook), a_site(), &status);
    expect_error(&status, JOIN_SPACE);
}

static void sites_come_back(uint64_t notebook) {
    RustCallStatus status = {0};
    uniffi_haversack_ffi_fn_method_notebook_found_space(handle_of(notebook), &status);
    expect_success(&status);
    uniffi_haversack_ffi_fn_method_notebook_put_site(handle_of(notebook), a_site(), &status);
    expect_success(&status);
    RustBuffer sites = uniffi_haversack_ffi_fn_method_notebook_sites(handle_of(notebook), &status);
    expect_success(&status);
    Reader reader = {sites, 0};
    char text[64];
    CHECK(read_integer(&reader, 4) == 1);
    read_string(&reader, text, sizeof text);
    CHECK(strcmp(text, "KM-V") == 0);
    read_string(&reader, text, sizeof text);
    CHECK(strcmp(text, "mobile_van") == 0);
    CHECK(read_integer(&reader, 1) == 0);
    CHECK(read_integer(&reader, 1) == 1 && read_integer(&reader, 2) == 1020);
    CHECK(reader.at == sites.len);
    release(sites);
}

static void contacts_are_counted(uint64_t notebook) {
    RustCallStatus status = {0};
    log_contact(notebook, "2008-02-04", 5, &status);
    expect_success(&status);
    log_contact(notebook, "yesterday", 5, &status);
    expect_error(&status, FIX_INPUT);
    status = (RustCallStatus){0};
    log_contact(notebook, "2008-02-04", 10001, &status);
    expect_error(&status, FIX_INPUT);

    status = (RustCallStatus){0};
    RustBuffer shown = uniffi_haversack_ffi_fn_method_notebook_status(handle_of(notebook), &status);
    expect_success(&status);
    Reader reader = {shown, 0};
    CHECK(read_integer(&reader, 8) == 1);
    release(shown);
}

static void bundles_are_bytes(uint64_t notebook) {
    RustCallStatus status = {0};
    RustBuffer bundle = uniffi_haversack_ffi_fn_method_notebook_export_bundle(handle_of(notebook), &status);
    expect_success(&status);
    Reader reader = {bundle, 0};
    CHECK(read_integer(&reader, 4) == bundle.len - 4);
    // The very buffer goes back in: the library takes it over.
    RustBuffer outcome = uniffi_haversack_ffi_fn_method_notebook_import_bundle(handle_of(notebook), bundle, &status);
    expect_success(&status);
    reader = (Reader){outcome, 0};
    CHECK(read_integer(&reader, 4) > 0);
    CHECK(outcome.data[outcome.len - 1] == true);
    release(outcome);
}

static void expect_sync_error(uint64_t notebook, const char *url, uint64_t variant) {
    RustCallStatus status = {0};
    finish(uniffi_haversack_ffi_fn_method_notebook_sync(handle_of(notebook), lower(url)), &status);
    expect_error(&status, variant);
}

// The address of a port on which nobody listens any more.
static void nobody_there(char *url, size_t size) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listener >= 0);
    CHECK(bind(listener, (struct sockaddr *)&name, sizeof name) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&name, &length) == 0);
    close(listener);
    snprintf(url, size, "http://127.0.0.1:%d", ntohs(name.sin_port));
}

static void asynchronous_calls(uint64_t notebook) {
    char url[64];
    nobody_there(url, sizeof url);
    expect_sync_error(notebook, url, RETRY_LATER);
    expect_sync_error(notebook, "nowhere", FIX_INPUT);
}

// MARK: a client that the app implements (HttpClient): a table of functions, and a future of the app's

static int requests = 0;
// What the client's future ends with; 0 for nothing.
static uint64_t client_failure = 0;

static void free_client(uint64_t client) {
    CHECK(client == 1);
}

static uint64_t clone_client(uint64_t client) {
    return client;
}

static uint64_t handle_of_answer(uint64_t answer) {
    RustCallStatus status = {0};
    uint64_t handle = uniffi_haversack_ffi_fn_clone_httpanswer(answer, &status);
    expect_success(&status);
    return handle;
}

static void expect_question(RustBuffer request) {
    Reader reader = {request, 0};
    char text[256];
    read_string(&reader, text, sizeof text);
    CHECK(strcmp(text, "GET") == 0);
    read_string(&reader, text, sizeof text);
    CHECK(strstr(text, "http://127.0.0.1:") == text && strstr(text, "/v1/relay/") != NULL);
    release(request);
}

// Says that there is no such page, and then says it again, which is refused.
static void client_send(uint64_t client, RustBuffer request, uint64_t answer, UniffiForeignFutureCompleteVoid complete,
                        uint64_t data, UniffiForeignFutureDroppedCallbackStruct *dropped) {
    (void)dropped;
    CHECK(client == 1);
    requests++;
    expect_question(request);
    UniffiForeignFutureResultVoid result = {{0}};
    RustCallStatus status = {0};
    if (client_failure == 0) {
        uniffi_haversack_ffi_fn_method_httpanswer_begin(handle_of_answer(answer), 404, &status);
        expect_success(&status);
        uniffi_haversack_ffi_fn_method_httpanswer_begin(handle_of_answer(answer), 404, &status);
        CHECK(status.code == CALL_ERROR && status.errorBuf.data[3] == REFUSED);
        release(status.errorBuf);
    } else {
        Writer error = {0};
        put_integer(&error, client_failure, 4);
        result.callStatus.code = CALL_ERROR;
        result.callStatus.errorBuf = lower_written(&error);
    }
    status = (RustCallStatus){0};
    uniffi_haversack_ffi_fn_free_httpanswer(answer, &status);
    complete(data, result);
}

static void plug(uint64_t notebook, uint64_t client) {
    RustCallStatus status = {0};
    Writer writer = {0};
    put_integer(&writer, client != 0, 1);
    if (client != 0) {
        put_integer(&writer, client, 8);
    }
    uniffi_haversack_ffi_fn_method_notebook_set_http_client(handle_of(notebook), lower_written(&writer), &status);
    expect_success(&status);
}

static void the_apps_own_client_is_asked(uint64_t notebook) {
    static const UniffiVTableCallbackInterfaceHttpClient table = {free_client, clone_client, client_send};
    uniffi_haversack_ffi_fn_init_callback_vtable_httpclient(&table);
    char url[64];
    nobody_there(url, sizeof url);
    plug(notebook, 1);
    expect_sync_error(notebook, url, FIX_INPUT);
    client_failure = UNTRUSTED;
    expect_sync_error(notebook, url, ASK_COORDINATOR);
    CHECK(requests == 2);
    plug(notebook, 0);
    expect_sync_error(notebook, url, RETRY_LATER);
    CHECK(requests == 2);
}

// MARK: keys, devices, the way of a phone to its next worker

static RustBuffer taken(RustBuffer buffer, const RustCallStatus *status) {
    expect_success(status);
    return buffer;
}

// Skips a string or a list of bytes.
static void skip_bytes(Reader *reader) {
    uint64_t length = read_integer(reader, 4);
    CHECK(reader->at + length <= reader->buffer.len);
    reader->at += length;
}

static void a_passphrase_is_changed(uint64_t notebook) {
    RustCallStatus status = {0};
    Writer none = {0};
    put_nothing(&none);
    RustBuffer weak = passphrase("123456");
    uniffi_haversack_ffi_fn_method_notebook_change_passphrase(handle_of(notebook), weak, lower_written(&none), &status);
    expect_error(&status, FIX_INPUT);
    status = (RustCallStatus){0};
    // What is returned as a list of bytes goes back in as one.
    RustBuffer words = taken(uniffi_haversack_ffi_fn_func_suggest_passphrase(&status), &status);
    uniffi_haversack_ffi_fn_method_notebook_change_passphrase(handle_of(notebook), words, lower_written(&none), &status);
    expect_success(&status);
    RustBuffer duress = passphrase("wild geese over an empty river tonight");
    uniffi_haversack_ffi_fn_method_notebook_set_duress(handle_of(notebook), duress, lower_written(&none), &status);
    expect_success(&status);
    uniffi_haversack_ffi_fn_method_notebook_clear_duress(handle_of(notebook), &status);
    expect_success(&status);
}

static void a_recovery_code_is_rehearsed(uint64_t notebook) {
    RustCallStatus status = {0};
    RustBuffer code = taken(uniffi_haversack_ffi_fn_method_notebook_add_recovery(handle_of(notebook), &status), &status);
    uniffi_haversack_ffi_fn_method_notebook_rehearse_recovery(handle_of(notebook), code, &status);
    expect_success(&status);
    RustBuffer slip = passphrase("abandon abandon");
    uniffi_haversack_ffi_fn_method_notebook_rehearse_recovery(handle_of(notebook), slip, &status);
    expect_error(&status, FIX_INPUT);
}

static void wrong_passphrases_are_limited(uint64_t notebook) {
    RustCallStatus status = {0};
    uniffi_haversack_ffi_fn_method_notebook_set_wipe_after(handle_of(notebook), 2, &status);
    expect_error(&status, FIX_INPUT);
    status = (RustCallStatus){0};
    uniffi_haversack_ffi_fn_method_notebook_set_wipe_after(handle_of(notebook), 10, &status);
    expect_success(&status);
    CHECK(uniffi_haversack_ffi_fn_method_notebook_wipe_after(handle_of(notebook), &status) == 10);
    expect_success(&status);
}

// The only device there is, and how it is renamed and asked about.
static void devices_are_listed(uint64_t notebook) {
    RustCallStatus status = {0};
    RustBuffer devices = taken(uniffi_haversack_ffi_fn_method_notebook_devices(handle_of(notebook), &status), &status);
    Reader reader = {devices, 0};
    char device[64];
    CHECK(read_integer(&reader, 4) == 1);
    read_string(&reader, device, sizeof device);
    CHECK(strlen(device) == 32);
    release(devices);
    Writer name = {0};
    put_integer(&name, 1, 1);
    put_string(&name, "van-phone");
    uniffi_haversack_ffi_fn_method_notebook_rename_device(handle_of(notebook), lower(device), lower_written(&name), &status);
    expect_success(&status);
    Writer role = {0};
    put_integer(&role, ROLE_EDUCATOR, 4);
    uniffi_haversack_ffi_fn_method_notebook_set_role(handle_of(notebook), lower("3f2a"), lower_written(&role), &status);
    expect_error(&status, FIX_INPUT);
    status = (RustCallStatus){0};
    uniffi_haversack_ffi_fn_method_notebook_revoke(handle_of(notebook), lower(device), false, &status);
    expect_error(&status, FIX_INPUT);
    status = (RustCallStatus){0};
    RustBuffer exposure = taken(uniffi_haversack_ffi_fn_method_notebook_exposure(handle_of(notebook), lower(device), &status), &status);
    reader = (Reader){exposure, 0};
    skip_bytes(&reader);
    CHECK(read_integer(&reader, 1) == 1 && read_integer(&reader, 4) == ROLE_COORDINATOR);
    CHECK(read_integer(&reader, 1) == false);
    release(exposure);
}

static void keys_are_renewed(uint64_t notebook) {
    RustCallStatus status = {0};
    uniffi_haversack_ffi_fn_method_notebook_renew_device(handle_of(notebook), &status);
    expect_success(&status);
    RustBuffer refused = taken(uniffi_haversack_ffi_fn_method_notebook_quarantined(handle_of(notebook), &status), &status);
    CHECK(refused.len == 4 && refused.data[3] == 0);
    release(refused);
}

// A list of lists of bytes, out and in.
static void the_root_key_is_split(uint64_t notebook) {
    RustCallStatus status = {0};
    RustBuffer shares = taken(uniffi_haversack_ffi_fn_method_notebook_split_root(handle_of(notebook), 2, 3, &status), &status);
    Reader reader = {shares, 0};
    CHECK(read_integer(&reader, 4) == 3);
    skip_bytes(&reader);
    CHECK(memcmp(shares.data + 8, "HSS1-", 5) == 0);
    uniffi_haversack_ffi_fn_method_notebook_rehearse_root(handle_of(notebook), shares, &status);
    expect_success(&status);
    Writer few = {0};
    put_integer(&few, 0, 4);
    uniffi_haversack_ffi_fn_method_notebook_use_root(handle_of(notebook), lower_written(&few), &status);
    expect_error(&status, FIX_INPUT);
    status = (RustCallStatus){0};
    CHECK(uniffi_haversack_ffi_fn_method_notebook_keeps_root(handle_of(notebook), &status) == true);
    expect_success(&status);
}

static RustBuffer owed(uint64_t changes, uint64_t decisions) {
    Writer writer = {0};
    put_integer(&writer, changes, 8);
    put_integer(&writer, decisions, 8);
    put_integer(&writer, 0, 8);
    put_integer(&writer, 0, 8);
    return lower_written(&writer);
}

// Polls an asynchronous call that returns nothing.
static void finish_void(uint64_t future, RustCallStatus *status) {
    Waiter waiter;
    do {
        waiter = (Waiter){PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
        ffi_haversack_ffi_rust_future_poll_void(future, wake, (uint64_t)(uintptr_t)&waiter);
        wait_for(&waiter);
    } while (waiter.result != POLL_READY);
    ffi_haversack_ffi_rust_future_complete_void(future, status);
    ffi_haversack_ffi_rust_future_free_void(future);
}

static void a_phone_comes_and_goes(uint64_t coordinator, const char *folder) {
    RustCallStatus status = {0};
    uint64_t phone = create(folder);
    RustBuffer request = taken(uniffi_haversack_ffi_fn_method_notebook_request_to_join(handle_of(phone), &status), &status);
    RustBuffer parts = taken(uniffi_haversack_ffi_fn_func_code_parts(request, 150, &status), &status);
    Reader reader = {parts, 0};
    CHECK(read_integer(&reader, 4) > 1);
    release(parts);
    finish_void(uniffi_haversack_ffi_fn_method_notebook_forget_request_after(handle_of(phone), 0), &status);
    expect_success(&status);
    RustBuffer pending = taken(uniffi_haversack_ffi_fn_method_notebook_pending_request(handle_of(phone), &status), &status);
    CHECK(pending.len == 1 && pending.data[0] == 0);
    release(pending);
    uniffi_haversack_ffi_fn_method_notebook_forget_request(handle_of(phone), &status);
    expect_error(&status, FIX_INPUT);

    status = (RustCallStatus){0};
    uniffi_haversack_ffi_fn_method_notebook_hand_over(handle_of(coordinator), owed(99, 99), &status);
    expect_error(&status, FIX_INPUT);
    status = (RustCallStatus){0};
    uniffi_haversack_ffi_fn_method_notebook_hand_over(handle_of(phone), owed(0, 0), &status);
    expect_success(&status);
    uniffi_haversack_ffi_fn_method_notebook_owed(handle_of(phone), &status);
    expect_error(&status, UNLOCK);
    status = (RustCallStatus){0};
    uniffi_haversack_ffi_fn_func_wipe(lower(folder), &status);
    expect_error(&status, FIX_INPUT);
    free_notebook(phone);
}

static void a_locked_notebook_refuses(uint64_t notebook) {
    RustCallStatus status = {0};
    uniffi_haversack_ffi_fn_method_notebook_lock(handle_of(notebook), &status);
    expect_success(&status);
    uniffi_haversack_ffi_fn_method_notebook_status(handle_of(notebook), &status);
    expect_error(&status, UNLOCK);
}

int main(int count, char **arguments) {
    CHECK(count == 3);
    same_contract();
    version_is_three_numbers();
    uint64_t notebook = create(arguments[1]);
    sites_need_a_space(notebook);
    sites_come_back(notebook);
    contacts_are_counted(notebook);
    bundles_are_bytes(notebook);
    asynchronous_calls(notebook);
    the_apps_own_client_is_asked(notebook);
    a_passphrase_is_changed(notebook);
    a_recovery_code_is_rehearsed(notebook);
    wrong_passphrases_are_limited(notebook);
    devices_are_listed(notebook);
    keys_are_renewed(notebook);
    the_root_key_is_split(notebook);
    a_phone_comes_and_goes(notebook, arguments[2]);
    a_locked_notebook_refuses(notebook);
    free_notebook(notebook);
    printf("C driver: %d checks passed\n", checks);
    return 0;
}
