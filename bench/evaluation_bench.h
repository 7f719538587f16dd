// The evaluation's work at the sizes of the pipeline's speed targets.
#pragma once

namespace seg::bench {

/// Each does its work once, on made-up data that the first call makes. `evaluate_folder` reads the two files
/// of a case of 320x320x80 with 13 labels and scores it as nnU-Net does, `evaluate_four` four such cases;
/// `nsd` scores the same case in memory; `instance_f1` scores a picture of 1024x1024 with 500 cells in
/// memory.
void evaluate_folder();
void evaluate_four();
void nsd();
void instance_f1();

}  // namespace seg::bench
