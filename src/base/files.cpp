#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <utility>

#include "base/error.h"

namespace seg {
namespace {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC)) {
    if (fd_ < 0) fail("cannot open {}: {}", path.string(), std::strerror(errno));
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

void flush_to_disk(const fs::path& path) {
  const Descriptor file(path, O_RDONLY);
  if (::fsync(file.get()) != 0) fail("cannot flush {}: {}", path.string(), std::strerror(errno));
}

/// "dir/case.nii.gz" -> "dir/.tmp-<pid>-<n>-case.nii.gz": libraries choose a format by the ending.
fs::path temporary_beside(const fs::path& path) {
  static std::atomic<int> counter{0};
  return path.parent_path() / fmt::format(".tmp-{}-{}-{}", ::getpid(), counter++, path.filename().string());
}

}  // namespace

std::string read_text(const fs::path& path) {
  constexpr std::size_t kChunk = 1 << 16;
  const Descriptor file(path, O_RDONLY);
  std::string text;
  while (true) {
    const std::size_t have = text.size();
    text.resize(have + kChunk);
    const auto got = ::read(file.get(), text.data() + have, kChunk);
    if (got < 0) fail("cannot read {}: {}", path.string(), std::strerror(errno));
    text.resize(have + static_cast<std::size_t>(got));
    if (got == 0) return text;
  }
}

void write_atomically(const fs::path& path, const std::function<void(const fs::path&)>& write) {
  const fs::path temporary = temporary_beside(path);
  try {
    write(temporary);
    flush_to_disk(temporary);
    fs::rename(temporary, path);
  } catch (const std::exception& error) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw Error(fmt::format("cannot write {}: {}", path.string(), error.what()),
                "check that the folder is writable and the disk has room");
  }
}

void write_text(const fs::path& path, std::string_view text) {
  write_atomically(path, [&](const fs::path& temporary) {
    std::ofstream out(temporary, std::ios::binary);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    out.close();
    if (!out) fail("{}", std::strerror(errno));
  });
}

void copy_atomically(const fs::path& from, const fs::path& to) {
  write_atomically(to, [&](const fs::path& temporary) { fs::copy_file(from, temporary); });
}

std::string folder_name(const fs::path& folder) {
  const fs::path path = fs::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || !fs::is_directory(folder)) {
    fail("cannot create folder {}: {}", folder.string(),
         error ? error.message() : "a file of that name exists");
  }
}

std::vector<fs::path> list_files(const fs::path& folder, std::string_view ending) {
  if (!fs::is_directory(folder)) fail("folder {} does not exist", folder.string());
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && !name.starts_with('.') && name.ends_with(ending))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

MappedFile::MappedFile(const fs::path& path) {
  Descriptor file(path, O_RDONLY);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail("cannot read {}: {}", path.string(), std::strerror(errno));
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) fail("cannot map {}: {}", path.string(), std::strerror(errno));
  data_ = static_cast<const std::byte*>(address);
  file_ = file.release();
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  ::munmap(const_cast<std::byte*>(data_), size_);
  ::close(file_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void MappedFile::read(std::size_t at, std::span<std::byte> to) const {
  while (!to.empty()) {
    const ssize_t count = ::pread(file_, to.data(), to.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("cannot read on: {}", std::strerror(errno));
    if (count == 0) fail("it ends after {} bytes, it had {}", at, size_);
    at += static_cast<std::size_t>(count);
    to = to.subspan(static_cast<std::size_t>(count));
  }
}

void MappedFile::release(std::span<const std::byte> bytes) const {
  const std::less_equal<> before;
  if (bytes.empty() || !before(data_, bytes.data()) || !before(bytes.data() + bytes.size(), data_ + size_))
    return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto begin =
      static_cast<std::size_t>(bytes.data() - data_) / page * page;  // the map starts at a page
  const auto end = static_cast<std::size_t>(bytes.data() - data_) + bytes.size();
  ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);  // advice: may be refused
}

}  // namespace seg
