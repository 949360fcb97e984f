// SPDX-License-Identifier: GPL-2.0-only
#include "triggers/curl_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace seep {
namespace {

Error missing(const char* what) {
    return {ErrorKind::failed,
            fmt::format("pushing needs libcurl: {}", what != nullptr ? what : "it is too old"),
            "install the package libcurl4"};
}

Result<CurlLibrary> load_all() {
    // RTLD_NOW: what is missing is found here, not in the middle of a recording.
    void* const library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return missing(dlerror());
    CurlLibrary curl;
    bool complete = true;
    const auto find = [&](auto& function, const char* name) {
        function =
            reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
        complete = complete && function != nullptr;
    };
    find(curl.global_init, "curl_global_init");
    find(curl.easy_init, "curl_easy_init");
    find(curl.easy_cleanup, "curl_easy_cleanup");
    find(curl.easy_setopt, "curl_easy_setopt");
    find(curl.easy_getinfo, "curl_easy_getinfo");
    find(curl.easy_perform, "curl_easy_perform");
    find(curl.easy_strerror, "curl_easy_strerror");
    find(curl.slist_append, "curl_slist_append");
    find(curl.slist_free_all, "curl_slist_free_all");
    find(curl.mime_init, "curl_mime_init");
    find(curl.mime_free, "curl_mime_free");
    find(curl.mime_addpart, "curl_mime_addpart");
    find(curl.mime_name, "curl_mime_name");
    find(curl.mime_filename, "curl_mime_filename");
    find(curl.mime_data, "curl_mime_data");
    find(curl.url, "curl_url");
    find(curl.url_cleanup, "curl_url_cleanup");
    find(curl.url_set, "curl_url_set");
    find(curl.url_get, "curl_url_get");
    find(curl.free, "curl_free");
    if (!complete) return missing(nullptr);
    curl.global_init(CURL_GLOBAL_DEFAULT);
    return curl;
}

}  // namespace

Result<const CurlLibrary*> CurlLibrary::load() {
    static const Result<CurlLibrary> library = load_all();
    if (!library) return library.error();
    return &*library;
}

}  // namespace seep
