// SPDX-License-Identifier: GPL-2.0-only
#include "output/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

namespace seep {

std::string gzip(std::string_view bytes) {
    constexpr int gzip_format = 16;  // added to the window's size, as zlib.h has it
    constexpr int memory_level = 8;  // zlib's default
    z_stream stream{};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + gzip_format,
                     memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc();  // zlib has no other reason
    std::string result;
    std::string block(std::size_t{1} << 16, '\0');
    int status = Z_OK;
    while (status != Z_STREAM_END) {
        if (stream.avail_in == 0) {
            // zlib counts in 32 bits, and reads only: its interface is older than const.
            const std::size_t taken =
                std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max());
            stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
            stream.avail_in = static_cast<uInt>(taken);
            bytes.remove_prefix(taken);
        }
        stream.next_out = reinterpret_cast<Bytef*>(block.data());
        stream.avail_out = static_cast<uInt>(block.size());
        status = deflate(&stream, bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
        result.append(block, 0, block.size() - stream.avail_out);
    }
    deflateEnd(&stream);
    return result;
}

}  // namespace seep
