// Starting from weights of an earlier training: VMamba's into Swin-UMamba's encoder, or a network's own.
#pragma once
#include <string>
#include <vector>

#include "base/files.h"

namespace seg {

class Network;

enum class Taken { loaded, adapted, skipped };

/// What became of one tensor. Either key is empty where only the other side has it.
struct PretrainedRow {
  std::string file_key, network_key;
  Taken outcome;
  std::string reason;  ///< empty for what is loaded as it is
};

struct PretrainedReport {
  bool encoder_only = false;  ///< VMamba's weights, instead of a checkpoint of the same network
  std::vector<PretrainedRow> rows;
  std::size_t count(Taken outcome) const;
  /// Tab-separated, with a header; a line per row.
  std::string table() const;
};

/// Copies weights of a file of ours, of nnU-Net's or of bare weights into a network that starts anew.
///
/// A file with all of the network's own names gives everything but the heads, as nnU-Net's
/// -pretrained_weights does. What reads the image is adapted to another number of channels: each new channel
/// gets the old ones' sum divided by the number of new ones, so that an image that is the same in all
/// channels gives the same.
///
/// Any other file has to hold VMamba-Tiny, for the networks with its encoder: the VSS blocks and the patch
/// merging are taken; patch embedding, norm and head are left out, as the official trainer does. Keys are
/// those of VMamba's first release or of later ones ("norm" for "ln_1", "op" for "self_attention"), also
/// behind "vssm_encoder."; "layers.N.downsample." becomes "downsamples.N.".
///
/// Throws Error, and leaves the network as it was, where a tensor that has to be taken is missing or of
/// another shape; it says what network the file fits, where there is one.
PretrainedReport load_pretrained(Network& network, const fs::path& path);

/// Whether load_pretrained would take the file.
bool fits_pretrained(Network& network, const fs::path& path);

/// Whether a tensor belongs to what turns features into classes: such tensors are never taken over.
bool is_head(const std::string& network_key);

}  // namespace seg
