// Starting from ImageNet weights: VMamba-Tiny's encoder into ours.
#pragma once
#include "base/files.h"
#include "net/load_report.h"

namespace seg {

class Network;

/// Copies the VMamba classifier's VSS blocks and patch merging from a file of weights into the network's
/// encoder; patch embedding, norm and head are left out as the official trainer does. Keys may carry the
/// prefix "vssm_encoder."; "layers.N.downsample." becomes "downsamples.N.". Throws Error when nothing fits.
LoadReport load_pretrained_encoder(Network& network, const fs::path& path);

}  // namespace seg
