// Folders of pictures, one folder per class.
#pragma once
#include "base/files.h"
#include "data/image_source.h"

namespace seg {

/// Opens FOLDER/<class>/<picture>.png (.jpg, .jpeg, .bmp, .tif, .tiff; in subfolders too); classes are the
/// folders' names, sorted. Held out are the pictures of `val`, a folder of the same classes; without one
/// those of FOLDER/val if there are FOLDER/train and FOLDER/val, else a share of every class. A picture of
/// more than 8 bits is scaled to 0..255 by its least and greatest value. Every picture is read once. Throws
/// Error naming what is missing or cannot be read: fewer than two classes, a class without pictures, a class
/// of `val` that is not trained, a damaged picture.
ImageSets open_image_folder(const fs::path& folder, const fs::path& val, double val_share);

}  // namespace seg
