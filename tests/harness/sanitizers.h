// Which sanitizer this program is built with: they slow it down, and take memory and address space of their own.
#pragma once

namespace llmft::test {

#if defined(__clang__)
constexpr bool kAddressSanitizer = __has_feature(address_sanitizer);
constexpr bool kThreadSanitizer = __has_feature(thread_sanitizer);
#elif defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true, kThreadSanitizer = false;
#elif defined(__SANITIZE_THREAD__)
constexpr bool kAddressSanitizer = false, kThreadSanitizer = true;
#else
constexpr bool kAddressSanitizer = false, kThreadSanitizer = false;
#endif
constexpr bool kSanitized = kAddressSanitizer || kThreadSanitizer;

}   // namespace llmft::test
