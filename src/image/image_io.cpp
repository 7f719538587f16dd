#include "image/image_io.h"

#include <itkBMPImageIO.h>
#include <itkGDCMImageIO.h>
#include <itkImageIOBase.h>
#include <itkJPEGImageIO.h>
#include <itkMetaDataObject.h>
#include <itkMetaImageIO.h>
#include <itkNiftiImageIO.h>
#include <itkNrrdImageIO.h>
#include <itkPNGImageIO.h>
#include <itkTIFFImageIO.h>

#include <gdcmTrace.h>

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdarg>
#include <cstring>
#include <limits>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "image/dicom.h"
#include "image/file_checks.h"

// libtiff writes to stderr by itself. Its switches carry a prefix where ITK brings its own copy, and ITK does
// not install their header; the weak names that are absent are null.
using TiffMessage = void (*)(const char* module, const char* format, std::va_list values);
extern "C" {
__attribute__((weak)) TiffMessage TIFFSetErrorHandler(TiffMessage);
__attribute__((weak)) TiffMessage TIFFSetWarningHandler(TiffMessage);
__attribute__((weak)) TiffMessage itk_TIFFSetErrorHandler(TiffMessage);
__attribute__((weak)) TiffMessage itk_TIFFSetWarningHandler(TiffMessage);
}

namespace seg {
namespace {

using Component = itk::IOComponentEnum;
using Pixel = itk::IOPixelEnum;

/// How a file's ending decides what reads it.
struct Format {
  std::string_view ending;
  itk::ImageIOBase::Pointer (*make)();
  bool natural;  ///< a picture without millimetres
};

template <class ImageIO>
itk::ImageIOBase::Pointer make_io() {
  return ImageIO::New().GetPointer();
}

constexpr std::array<Format, kImageEndings.size()> kFormats{{
    {".nii.gz", make_io<itk::NiftiImageIO>, false},
    {".nii", make_io<itk::NiftiImageIO>, false},
    {".nrrd", make_io<itk::NrrdImageIO>, false},
    {".mha", make_io<itk::MetaImageIO>, false},
    {".png", make_io<itk::PNGImageIO>, true},
    {".bmp", make_io<itk::BMPImageIO>, true},
    {".tif", make_io<itk::TIFFImageIO>, true},
    {".tiff", make_io<itk::TIFFImageIO>, true},
    {".jpg", make_io<itk::JPEGImageIO>, true},
    {".jpeg", make_io<itk::JPEGImageIO>, true},
}};

const Format& format_of(const fs::path& path) {
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const Format& format : kFormats)
    if (name.ends_with(format.ending)) return format;
  throw Error(fmt::format("{}: unknown kind of image file", path.string()),
              fmt::format("known endings: {}", fmt::join(kImageEndings, " ")));
}

/// "ITK ERROR: NrrdImageIO(0x55d0c2): reason" -> "reason"
std::string reason_of(const itk::ExceptionObject& error) {
  std::string reason = error.GetDescription();
  const auto object = reason.find("(0x"), end = reason.find("): ");
  if (object != std::string::npos && end != std::string::npos) reason.erase(0, end + 3);
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  if (const auto deepest = reason.rfind("[nrrd] "); deepest != std::string::npos)
    reason.erase(0, deepest + 7);
  return reason.substr(0, reason.find_last_not_of(' ') + 1);
}

/// Runs ITK code; its exceptions become Errors that name the file, and nothing is written to stderr.
template <class Body>
decltype(auto) with_itk(const fs::path& path, std::string_view doing, Body&& body) {
  static const bool quiet = [] {
    itk::Object::GlobalWarningDisplayOff();
    gdcm::Trace::WarningOff();
    gdcm::Trace::ErrorOff();
    for (const auto set :
         {TIFFSetErrorHandler, TIFFSetWarningHandler, itk_TIFFSetErrorHandler, itk_TIFFSetWarningHandler}) {
      if (set != nullptr) set(nullptr);
    }
    return true;
  }();
  static_cast<void>(quiet);
  try {
    return body();
  } catch (const itk::ExceptionObject& error) {
    fail("cannot {} {}: {}", doing, path.string(), reason_of(error));
  }
}

/// A file as ITK gives it, before its numbers become floats or labels.
struct RawImage {
  itk::ImageIOBase::Pointer io;  ///< null once the bytes are read
  Component type = Component::UNKNOWNCOMPONENTTYPE;
  Pixel pixel = Pixel::UNKNOWNPIXELTYPE;
  std::vector<char> bytes;  ///< x fastest after the components of a pixel
  Shape4 shape{};           ///< components * time, z, y, x
  std::int64_t components = 1;
  Geometry geometry;
};

constexpr double kSmallestSpacing = 1e-6,
                 kLargestSpacing = 1e6;  // mm; what lies outside is no image of anything

void check_spacing(const Geometry& geometry, std::size_t axes, const fs::path& path) {
  for (std::size_t i = 0; i < axes; ++i) {
    const double spacing = geometry.spacing[2 - i];
    if (!(spacing >= kSmallestSpacing && spacing <= kLargestSpacing))
      fail("{}: spacing of axis {}: expected {} to {} mm, got {}", path.string(), i, kSmallestSpacing,
           kLargestSpacing, spacing);
  }
}

bool is_tiff(const Format& format) {
  return format.ending.starts_with(".tif");
}

/// Where nnU-Net keeps the spacing of a TIFF of several pages: <case>.json beside it.
fs::path tiff_spacing_file(const fs::path& path) {
  return fs::path(path).replace_extension(".json");
}

Vec3 read_tiff_spacing(const fs::path& path) {
  fs::path file = tiff_spacing_file(path);
  if (const std::string stem = path.stem().string(); !fs::exists(file) && stem.size() > 5)
    file = path.parent_path() / (stem.substr(0, stem.size() - 5) + ".json");  // without _0000
  if (!fs::exists(file)) {
    warn("{}: no spacing beside it ({}), 1 x 1 x 1 mm is taken", path.string(), file.filename().string());
    return {1, 1, 1};
  }
  return with_context(file.string(), [&] { return get<Vec3>(read_json(file), "spacing"); });
}

Geometry geometry_of(const itk::ImageIOBase& io, const Format& format, const fs::path& path) {
  Geometry geometry;
  const auto axes = std::min(io.GetNumberOfDimensions(), 3u);
  geometry.dimension = axes <= 2 ? 2 : 3;
  if (format.natural) {
    const bool pages = axes > 2 && io.GetDimensions(2) > 1;
    geometry.dimension = pages ? 3 : 2;
    geometry.spacing = pages ? read_tiff_spacing(path) : Vec3{999, 1, 1};
    check_spacing(geometry, geometry.dimension, path);
    return geometry;
  }
  for (unsigned i = 0; i < axes; ++i) {
    geometry.spacing[2 - i] = std::abs(io.GetSpacing(i));
    geometry.origin[i] = io.GetOrigin(i);
    const auto column = io.GetDirection(i);
    for (unsigned row = 0; row < axes && row < column.size(); ++row)
      geometry.direction[3 * row + i] = column[row];
  }
  check_spacing(geometry, axes, path);
  if (geometry.dimension == 2) geometry.spacing[0] = 999 * std::max(geometry.spacing[1], geometry.spacing[2]);
  return geometry;
}

/// No packing that the formats use shrinks an image by more (deflate: 1032).
constexpr double kLargestRatio = 2000;

/// Sizes from the header, checked before anything is allocated.
Shape4 shape_of(const itk::ImageIOBase& io, const fs::path& path) {
  const auto axes = io.GetNumberOfDimensions();
  Shape4 shape{static_cast<std::int64_t>(io.GetNumberOfComponents()), 1, 1, 1};
  if (axes < 1 || axes > 4) fail("{}: expected 2 to 4 dimensions, got {}", path.string(), axes);
  double bytes = static_cast<double>(io.GetComponentSize()) * static_cast<double>(shape[0]);
  for (unsigned i = 0; i < axes; ++i) bytes *= static_cast<double>(io.GetDimensions(i));
  const auto stored = static_cast<double>(fs::file_size(path));
  if (bytes > kLargestRatio * stored + 1e6) {
    fail("{}: its header promises {:.0f} bytes of voxels, but the file has only {:.0f} bytes", path.string(),
         bytes, stored);
  }
  for (unsigned i = 0; i < axes; ++i) {
    const auto size = static_cast<std::int64_t>(io.GetDimensions(i));
    if (size < 1) fail("{}: axis {} has size {}", path.string(), i, size);
    if (i < 3) {
      shape[3 - i] = size;
    } else {
      shape[0] *= size;
    }
  }
  return shape;
}

/// True unless the palette only says that index i is grey level i, as in every grey BMP.
bool has_colour_palette(const itk::ImageIOBase& io) {
  if (!io.GetIsReadAsScalarPlusPalette()) return false;
  const auto* bmp = dynamic_cast<const itk::BMPImageIO*>(&io);
  if (bmp == nullptr) return true;
  const auto& palette = bmp->GetColorPalette();
  for (std::size_t i = 0; i < palette.size(); ++i)
    for (unsigned c = 0; c < 3; ++c)
      if (palette[i][c] != i) return true;
  return false;
}

/// Tells what a reader changed: to whom it may concern, else once as a warning.
void remark(std::vector<std::string>* remarks, std::atomic_flag& told, const fs::path& path,
            std::string_view what) {
  if (remarks != nullptr) {
    remarks->emplace_back(what);
  } else if (!told.test_and_set()) {
    warn("{}: {} (told for the first such file only)", path.string(), what);
  }
}

/// A copy of a file in another form, which is removed at the end.
class TemporaryCopy {
 public:
  TemporaryCopy(const std::string& bytes, std::string_view ending) {
    static std::atomic<int> counter{0};
    path_ = fs::temp_directory_path() / fmt::format("seg-{}-{}{}", ::getpid(), counter++, ending);
    write_text(path_, bytes);
  }
  ~TemporaryCopy() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  TemporaryCopy(const TemporaryCopy&) = delete;
  TemporaryCopy& operator=(const TemporaryCopy&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// With `palette_as_index` the pixels of a palette picture are its indices, else colours.
RawImage read_raw(const fs::path& path, const Format& format, bool palette_as_index,
                  std::vector<std::string>* remarks = nullptr) {
  return with_itk(path, "read", [&] {
    RawImage raw;
    std::optional<TemporaryCopy> copy;
    if (format.ending == ".bmp") {
      if (const auto bytes = with_first_bmp_header(path)) copy.emplace(*bytes, format.ending);
    }
    const std::string file = copy ? copy->path().string() : path.string();
    raw.io = format.make();
    raw.io->SetFileName(file);
    raw.io->SetExpandRGBPalette(false);
    if (!raw.io->CanReadFile(file.c_str()))
      fail("{} is not a {} file or is damaged", path.string(), format.ending);
    raw.io->ReadImageInformation();
    if (!palette_as_index && has_colour_palette(*raw.io)) {
      static std::atomic_flag told;
      remark(remarks, told, path, kPaletteRemark);
      raw.io->SetExpandRGBPalette(true);
      raw.io->ReadImageInformation();
    }
    raw.shape = shape_of(*raw.io, path);
    raw.components = raw.io->GetNumberOfComponents();
    raw.geometry = geometry_of(*raw.io, format, path);
    const auto axes = raw.io->GetNumberOfDimensions();
    itk::ImageIORegion region(axes);
    for (unsigned i = 0; i < axes; ++i) {
      region.SetIndex(i, 0);
      region.SetSize(i, raw.io->GetDimensions(i));
    }
    raw.io->SetIORegion(region);
    raw.bytes.resize(static_cast<std::size_t>(raw.io->GetImageSizeInBytes()));
    raw.io->Read(raw.bytes.data());
    raw.type = raw.io->GetComponentType();
    raw.pixel = raw.io->GetPixelType();
    raw.io = nullptr;  // a reader may hold a copy of the voxels
    return raw;
  });
}

/// Calls `body` with a pointer of the file's number type.
template <class Body>
void visit_numbers(const RawImage& raw, const fs::path& path, Body&& body) {
  const void* data = raw.bytes.data();
  switch (raw.type) {
    case Component::UCHAR:
      return body(static_cast<const unsigned char*>(data));
    case Component::CHAR:
      return body(static_cast<const signed char*>(data));
    case Component::USHORT:
      return body(static_cast<const unsigned short*>(data));
    case Component::SHORT:
      return body(static_cast<const short*>(data));
    case Component::UINT:
      return body(static_cast<const unsigned int*>(data));
    case Component::INT:
      return body(static_cast<const int*>(data));
    case Component::ULONG:
      return body(static_cast<const unsigned long*>(data));
    case Component::LONG:
      return body(static_cast<const long*>(data));
    case Component::ULONGLONG:
      return body(static_cast<const unsigned long long*>(data));
    case Component::LONGLONG:
      return body(static_cast<const long long*>(data));
    case Component::FLOAT:
      return body(static_cast<const float*>(data));
    case Component::DOUBLE:
      return body(static_cast<const double*>(data));
    default:
      fail("{}: unknown number type {}", path.string(), itk::ImageIOBase::GetComponentTypeAsString(raw.type));
  }
}

/// Colour channels to keep: alpha says nothing about the tissue.
std::int64_t kept_components(const RawImage& raw, const Format& format, const fs::path& path,
                             std::vector<std::string>* remarks) {
  const auto type = raw.pixel;
  if (type == Pixel::COMPLEX) fail("{}: complex numbers are not supported", path.string());
  const bool has_alpha = type == Pixel::RGBA || (format.natural && raw.components % 2 == 0);
  static std::atomic_flag told;
  if (has_alpha) remark(remarks, told, path, kAlphaRemark);
  return has_alpha ? raw.components - 1 : raw.components;
}

constexpr std::size_t kHeaderRoom = 65536;  // and what packing may add to noise

/// 0, or why the disk has no room for a file of that size.
int room_error(const fs::path& path, std::size_t bytes) {
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (file < 0) fail("{}", std::strerror(errno));
  const int error = ::posix_fallocate(file, 0, static_cast<off_t>(bytes));
  ::close(file);
  fs::remove(path);
  return error;
}

/// What the bytes take when packed lightly; the encoders pack more.
std::size_t packed_size(std::span<const Bytef> bytes) {
  constexpr std::size_t kPiece = 1 << 24;
  std::vector<Bytef> packed(::compressBound(kPiece));
  std::size_t total = 0;
  for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
    const auto piece = bytes.subspan(at, std::min(kPiece, bytes.size() - at));
    uLongf size = packed.size();
    if (::compress2(packed.data(), &size, piece.data(), piece.size(), Z_BEST_SPEED) != Z_OK)
      return bytes.size();
    total += size;
  }
  return total;
}

/// Makes sure that the disk has room for a file, which the encoders do not survive or do not tell. Only where
/// it has none for the unpacked voxels is it found out what they take when packed.
void check_room(const fs::path& path, const void* data, std::size_t bytes, bool packed) {
  int error = room_error(path, bytes + kHeaderRoom);
  if (error != 0 && packed) {
    bytes = packed_size({static_cast<const Bytef*>(data), bytes});
    error = room_error(path, bytes + kHeaderRoom);
  }
  if (error != 0) fail("no room for {} bytes: {}", bytes, std::strerror(error));
}

/// Writes `data` of `components` per pixel, x fastest, in the format of the file's ending.
void write_raw(const fs::path& path, const void* data, Component type, std::int64_t components,
               const Shape3& size, const Geometry& geometry) {
  const Format& format = format_of(path);
  const bool pages = is_tiff(format) && size[0] > 1;
  const int axes = pages ? 3 : format.natural ? 2 : geometry.dimension;
  if (axes == 2 && size[0] != 1) fail("{}: cannot hold {} slices", path.string(), size[0]);
  // Where the image is, its spacing is there.
  if (pages) write_json(tiff_spacing_file(path), {{"spacing", geometry.spacing}});
  write_atomically(path, [&](const fs::path& temporary) {
    with_itk(path, "encode", [&] {
      const auto io = format.make();
      io->SetFileName(temporary.string());
      io->SetNumberOfDimensions(axes);
      io->SetComponentType(type);
      io->SetNumberOfComponents(components);
      io->SetPixelType(components == 3 ? Pixel::RGB : Pixel::SCALAR);
      itk::ImageIORegion region(axes);
      for (int i = 0; i < axes; ++i) {
        io->SetDimensions(i, size[2 - i]);
        io->SetSpacing(i, format.natural ? 1.0 : geometry.spacing[2 - i]);
        io->SetOrigin(i, format.natural ? 0.0 : geometry.origin[i]);
        std::vector<double> column(axes, 0.0);
        for (int row = 0; row < axes; ++row)
          column[row] = format.natural ? (row == i ? 1.0 : 0.0) : geometry.direction[3 * row + i];
        io->SetDirection(i, column);
        region.SetIndex(i, 0);
        region.SetSize(i, size[2 - i]);
      }
      io->SetIORegion(region);
      const bool packed = format.ending != ".nii";
      io->SetUseCompression(packed);
      if (auto* tiff = dynamic_cast<itk::TIFFImageIO*>(io.GetPointer())) tiff->SetCompressionToDeflate();
      check_room(temporary, data, static_cast<std::size_t>(io->GetImageSizeInBytes()),
                 packed && format.ending != ".bmp");
      io->WriteImageInformation();
      io->Write(data);
    });
    check_image_file(temporary);  // some writers do not tell when the disk is full
  });
}

}  // namespace

namespace {

LoadedImage read_as_floats(const fs::path& path, const Format& format, std::vector<std::string>* remarks) {
  const RawImage raw = read_raw(path, format, false, remarks);
  const auto kept = kept_components(raw, format, path, remarks);
  const auto frames = raw.shape[0] / raw.components;  // 4-D files: frames become channels
  LoadedImage image{Image({frames * kept, raw.shape[1], raw.shape[2], raw.shape[3]}), raw.geometry};
  const auto voxels = image.voxels.voxels();
  visit_numbers(raw, path, [&](const auto* values) {
    for (std::int64_t frame = 0; frame < frames; ++frame) {
      for (std::int64_t c = 0; c < kept; ++c) {
        const auto channel = image.voxels.channel(frame * kept + c);
        const auto* from = values + frame * voxels * raw.components + c;
        for (std::int64_t i = 0; i < voxels; ++i)
          channel[static_cast<std::size_t>(i)] = static_cast<float>(from[i * raw.components]);
      }
    }
  });
  return image;
}

}  // namespace

LoadedImage read_image(const fs::path& path, std::vector<std::string>* remarks) {
  if (fs::is_directory(path)) return read_dicom_series(path);
  const Format& format = format_of(path);
  check_image_file(path);
  return read_as_floats(path, format, remarks);
}

DicomFile read_dicom_file(const fs::path& path) {
  check_image_file(path);
  const Format format{".dcm", make_io<itk::GDCMImageIO>, false};
  return with_itk(path, "read", [&] {
    auto io = itk::GDCMImageIO::New();
    io->SetFileName(path.string());
    io->ReadImageInformation();
    DicomFile file{read_as_floats(path, format, nullptr), {}};
    itk::ExposeMetaData<std::string>(io->GetMetaDataDictionary(), "0020|000e", file.series);
    return file;
  });
}

LoadedImage read_channels(const std::vector<fs::path>& paths) {
  if (paths.empty()) fail("a case needs at least one image file");
  LoadedImage all = read_image(paths.front());
  for (std::size_t i = 1; i < paths.size(); ++i) {
    const LoadedImage next = read_image(paths[i]);
    check_same_grid(all.geometry, all.voxels.space(), paths.front().string(), next.geometry,
                    next.voxels.space(), paths[i].string());
    all.voxels.data.insert(all.voxels.data.end(), next.voxels.data.begin(), next.voxels.data.end());
    all.voxels.shape[0] += next.voxels.channels();
  }
  return all;
}

LoadedLabels read_labels(const fs::path& path) {
  const Format& format = format_of(path);
  check_image_file(path);
  const RawImage raw = read_raw(path, format, true);
  if (raw.shape[0] != 1) {
    throw Error(fmt::format("{}: expected a label image of 1 channel, got {}", path.string(), raw.shape[0]),
                "store labels as whole numbers in one channel, not as colours");
  }
  LoadedLabels labels{Labels(raw.shape), raw.geometry};
  using Limits = std::numeric_limits<std::int32_t>;
  visit_numbers(raw, path, [&](const auto* values) {
    using Number = std::decay_t<decltype(*values)>;
    if constexpr (std::is_integral_v<Number> && sizeof(Number) < sizeof(std::int32_t)) {  // nothing to check
      std::copy_n(values, labels.voxels.count(), labels.voxels.data.begin());
      return;
    }
    for (std::int64_t i = 0; i < labels.voxels.count(); ++i) {
      const auto value = static_cast<double>(values[i]);
      if (!(value >= Limits::min() && value <= Limits::max()) || value != std::floor(value)) {
        const auto plane = raw.shape[2] * raw.shape[3];
        fail("{}: label {} at voxel (z {}, y {}, x {}) is not a whole number", path.string(), value,
             i / plane, i % plane / raw.shape[3], i % raw.shape[3]);
      }
      labels.voxels.data[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(value);
    }
  });
  return labels;
}

std::int64_t numbers_in_header(const fs::path& path) {
  try {
    const auto io = format_of(path).make();
    io->SetFileName(path.string());
    const bool readable = with_itk(path, "read", [&] {
      if (!io->CanReadFile(path.c_str())) return false;
      io->ReadImageInformation();
      return true;
    });
    if (!readable) return 0;
    const Shape4 shape = shape_of(*io, path);
    return shape[0] * shape[1] * shape[2] * shape[3];
  } catch (const std::exception&) {
    return 0;
  }
}

void copy_image(const fs::path& from, const fs::path& to) {
  const fs::path spacing = tiff_spacing_file(from);
  if (is_tiff(format_of(from)) && fs::exists(spacing)) copy_atomically(spacing, tiff_spacing_file(to));
  copy_atomically(from, to);
}

void write_labels(const fs::path& path, const Labels& labels, const Geometry& geometry) {
  if (labels.channels() != 1) fail("{}: labels have 1 channel, got {}", path.string(), labels.channels());
  if (format_of(path).ending.starts_with(".jp")) {
    throw Error(fmt::format("cannot write labels to {}: JPEG would change the values", path.string()),
                "use .png or .tif");
  }
  const auto [low, high] = std::minmax_element(labels.data.begin(), labels.data.end());
  if (low == labels.data.end()) fail("{}: no voxels to write", path.string());
  if (*low < 0 || *high > 65535)
    fail("{}: labels must lie in 0..65535, got {}..{}", path.string(), *low, *high);
  if (*high < 255) {
    const std::vector<std::uint8_t> values(labels.data.begin(), labels.data.end());
    write_raw(path, values.data(), Component::UCHAR, 1, labels.space(), geometry);
  } else {
    const std::vector<std::uint16_t> values(labels.data.begin(), labels.data.end());
    write_raw(path, values.data(), Component::USHORT, 1, labels.space(), geometry);
  }
}

void write_image(const fs::path& path, const Image& image, const Geometry& geometry) {
  if (format_of(path).natural) {
    throw Error(fmt::format("{} cannot hold float values", path.string()), "use .nii.gz, .nrrd or .mha");
  }
  if (image.channels() != 1) fail("{}: expected 1 channel, got {}", path.string(), image.channels());
  write_raw(path, image.data.data(), Component::FLOAT, 1, image.space(), geometry);
}

void write_rgb_png(const fs::path& path, std::int64_t height, std::int64_t width,
                   const std::vector<std::uint8_t>& rgb) {
  if (height < 1 || width < 1 || static_cast<std::int64_t>(rgb.size()) != height * width * 3)
    fail("{}: {} bytes are not a {} x {} RGB picture", path.string(), rgb.size(), height, width);
  write_raw(path, rgb.data(), Component::UCHAR, 3, {1, height, width}, Geometry{});
}

void write_rgb_png(const fs::path& path, const Image& image) {
  if (image.shape[0] != 3 || image.shape[1] != 1)
    fail("{}: expected 3 channels and 1 slice, got {} and {}", path.string(), image.shape[0], image.shape[1]);
  std::vector<std::uint8_t> rgb(image.data.size());
  for (std::size_t i = 0; i < rgb.size(); ++i) {
    const float value = image.data[i % 3 * static_cast<std::size_t>(image.voxels()) + i / 3];
    rgb[i] = static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0F, 255.0F)));
  }
  write_rgb_png(path, image.shape[2], image.shape[3], rgb);
}

}  // namespace seg
