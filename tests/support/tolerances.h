// Every tolerance of the tests, each with its reason. The goldens' READMEs are the source; none may be
// loosened.
#pragma once

namespace seg::testing {

// Scans, as relative L2. The goldens are float32 runs and so are ours: each is a few 1e-7 from the truth.
constexpr double kScanGolden = 1e-6;
constexpr double kScanGoldenGradient = 2e-6;
// Against the same formula in double; a degree-4 exponential (9e-6) or a lossy softplus would not pass.
constexpr double kScanForward = 5e-7;
constexpr double kScanGradient = 2e-6;

// Image files (goldens/pipeline/README.md, nifti_orientation).
inline constexpr double kGeometry = 1e-6;  ///< mm and cosines: ITK computes directions from float quaternions
inline constexpr double kVoxelSum = 1e-6;  ///< relative: our voxels are float32, the golden sums are double

// Resampling against splines solved in double: our result is rounded to float32 (values up to 5).
inline constexpr double kSplineReference = 1e-6;

// The data pipeline (goldens/pipeline/README.md); plans, splits, sizes, labels and locations are exact.
inline constexpr double kPreprocessedData = 2e-5;     ///< the reference normalises with float32 sums
inline constexpr double kFingerprintGeometry = 1e-6;  ///< spacings and sizes
inline constexpr double kFingerprintMoments = 1e-3;   ///< in standard deviations: float32 sums of 10^8 draws
inline constexpr double kFingerprintSampling = 2e-3;  ///< the same against statistics of all voxels

// Augmentation (goldens/pipeline/README.md); values are a few units large, ours are float32.
inline constexpr double kAugmentation = 2e-5;
inline constexpr double kNoiseMoments = 5e-3;  ///< 200 000 draws: 4 standard errors of the mean of sigma 0.5
inline constexpr double kDrawnShare = 0.03;    ///< 4000 draws: 4 standard errors of a share near one half

/// Resized and recoloured pictures against double; values up to 255 in float32, a dozen roundings.
inline constexpr double kPictureValue = 2e-4;

// Networks and layers.
/// An output may differ from the float32 golden by this many times the golden's own distance to its float64
/// run ("a few times that number", goldens/networks/README.md).
inline constexpr double kNetworkNoiseFactor = 4;
/// Relative L2 of a layer's output and gradients: both sides are float32 sums in another order.
inline constexpr double kLayer = 1e-5;
/// Relative L2 of the engine's logits against LibTorch's: other sums in every layer of a network.
inline constexpr double kEngine = 2e-5;
/// Gradients that are zero in exact arithmetic are rounding noise around it (the goldens have up to 1.1e-5).
constexpr double kZeroGradient = 1e-4;
/// Relative L2 of gradients of swin_umamba_d and every loss (README: "1e-5"), and of nnunet, whose float32
/// and float64 goldens are closer (4e-7): no kink is near.
inline constexpr double kTrainingSmooth = 1e-5;
/// Relative L2 of gradients of swin_umamba: a LeakyReLU input that crosses zero moves them (README: "1e-2").
inline constexpr double kTrainingKinks = 1e-2;
/// Losses and their gradients (goldens/pipeline/README.md, "loss 1e-5, gradients 1e-6").
inline constexpr double kLoss = 1e-5;
inline constexpr double kLossGradient = 1e-6;
inline constexpr double kLoggedDice = 1e-4;  ///< a log rounds to four decimals
inline constexpr double kPseudoDice = 1e-7;  ///< the reference divides in float32

// Sliding window (goldens/pipeline/README.md, sliding_window).
inline constexpr double kGaussianRelative = 1e-6;     ///< ours is stored as float32, made in double
inline constexpr double kHalfAccumulatorsAbs = 3e-2;  ///< the reference adds up in float16: worst at corners
inline constexpr double kHalfAccumulatorsMean = 5e-4;
inline constexpr double kFloatAccumulatorsAbs = 1e-4;  ///< its float32 run: only the order of sums differs
inline constexpr double kWeightedMeanAbs = 2e-6;       ///< a float32 weighted mean of equal values
/// Share of voxels: the reference's float16 sums decide a few ties differently.
inline constexpr double kSegmentation2dShare = 5e-4;
inline constexpr double kSegmentation3dShare = 5e-3;  ///< more of them among 3-D tiles
inline constexpr double kProbability = 1e-6;  ///< softmax and sigmoid: float32 exp and sums, in another order
/// How far from halfway between two float16 numbers a logit may lie for either to be right, in their steps:
/// what rounding it to float32 on the way moves it (2^-24 of a value of at most 2^11 steps).
inline constexpr double kHalfwaySteps = 0x1p-13;

// Scores (goldens/pipeline/README.md, evaluation): quotients of exact counts, means in another order.
inline constexpr double kScoreRelative = 1e-12;
inline constexpr double kDistance = 1e-6;     ///< mm (README: "distances 1e-6"); areas relative to it
inline constexpr double kCellCeiling = 1e-4;  ///< F1 (README: "1e-4"); the golden is rounded to 4 decimals
inline constexpr double kSurfelArea = 1e-12;  ///< both in double, a few triangles of a unit cell

/// Of a curve in a picture, in heights of its plot: a few pixels of line width, more where lines meet at an
/// acute angle.
inline constexpr double kCurveHeight = 0.015;

}  // namespace seg::testing
