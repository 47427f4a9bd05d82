// What every page that llmft writes has to be.
#pragma once

#include <doctest/doctest.h>

#include <regex>
#include <string>

namespace llmft::test {

// No script, no handler, nothing that a browser would fetch; a policy that forbids the same. A link leads to another
// report, from where the page lies.
inline void expect_self_contained(const std::string& page) {
    CHECK(page.starts_with("<!DOCTYPE html>"));
    CHECK(page.ends_with("</html>\n"));
    CHECK(page.find("default-src 'none'") != std::string::npos);
    for (const char* tag : {"<script", "<link", "<img", "<iframe", "<object", "<embed", "<base", "@import", "url("}) {
        CAPTURE(std::string(tag));
        CHECK(page.find(tag) == std::string::npos);
    }
    // Inside tags only these attributes occur; text is free to say anything.
    const std::regex link("<a href=\"[A-Za-z0-9._~%-]+(/[A-Za-z0-9._~%-]+)*/report\\.html\"");
    for (size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
        const std::string tag = page.substr(at, page.find('>', at) - at);
        if (std::regex_match(tag, link)) continue;
        for (const char* attribute : {" src=", " href=", " onerror", " onload", " onclick", "http://", "https://"}) {
            CAPTURE(tag);
            CHECK(tag.find(attribute) == std::string::npos);
        }
    }
}

}   // namespace llmft::test
