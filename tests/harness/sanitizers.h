// Which sanitizer this program is built with: they slow it down, and take memory and address space of their own.
#pragma once

namespace llmft::test {

#if defined(__SANITIZE_ADDRESS__)   // g++
constexpr bool kAddressSanitizer = true;
#elif defined(__has_feature)   // clang++
#if __has_feature(address_sanitizer)
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif
#else
constexpr bool kAddressSanitizer = false;
#endif

#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif
#else
constexpr bool kThreadSanitizer = false;
#endif

constexpr bool kSanitized = kAddressSanitizer || kThreadSanitizer;

}   // namespace llmft::test
