"""The built-in components. They come through the same door as anybody's: one entry point and one hook."""

from __future__ import annotations

from gan_recipe import hookimpl

_COMPONENTS = {
    # encoders
    "casia_encoder": "casia:CasiaEncoder",
    "timm_encoder": "timm_encoder:TimmEncoder",
    "patch_encoder": "patch_encoder:PatchEncoder",
    "srgan_trunk": "srgan:SRGANTrunk",
    "dcgan_encoder": "dcgan:DCGANEncoder",
    "unet_encoder": "unet:UNetEncoder",
    "one_hot": "one_hot:OneHot",
    "mlp": "mlp:MLP",
    "diff_augment": "augment:DiffAugment",
    "ada": "augment:ADA",
    "replay": "replay:Replay",
    "pack": "pack:Pack",
    "minibatch_std": "minibatch_std:MinibatchStd",
    "instance_noise": "instance_noise:InstanceNoise",
    # decoders
    "casia_decoder": "casia:CasiaDecoder",
    "unet_decoder": "unet:UNetDecoder",
    "dcgan_decoder": "dcgan:DCGANDecoder",
    "upsample_decoder": "upsample_decoder:UpsampleDecoder",
    # heads
    "linear_fc": "linear_fc:LinearFC",
    "big_kernel_conv": "big_kernel_conv:BigKernelConv",
    "srgan_head": "srgan:SRGANHead",
    "patch_head": "patch_head:PatchHead",
    "projection_head": "projection_head:ProjectionHead",
    "channels": "channels:Channels",
    # losses
    "bce_critic": "bce:BCECritic",
    "bce_generator": "bce:BCEGenerator",
    "least_squares_critic": "least_squares:LeastSquaresCritic",
    "least_squares_generator": "least_squares:LeastSquaresGenerator",
    "hinge_critic": "hinge:HingeCritic",
    "hinge_generator": "hinge:HingeGenerator",
    "wasserstein_critic": "wasserstein:WassersteinCritic",
    "wasserstein_generator": "wasserstein:WassersteinGenerator",
    "relativistic_critic": "relativistic:RelativisticCritic",
    "relativistic_generator": "relativistic:RelativisticGenerator",
    "r1": "gradient_penalty:R1",
    "r2": "gradient_penalty:R2",
    "wgan_gp": "gradient_penalty:WGANGP",
    "cross_entropy": "cross_entropy:CrossEntropy",
    "siamese_contrastive": "siamese_contrastive:SiameseContrastive",
    "l1": "pixel:L1",
    "l2": "pixel:L2",
    "perceptual": "perceptual:Perceptual",
    # constraints
    "wgan_clip": "wgan_clip:WGANClip",
    "spectral_norm": "spectral_norm:SpectralNorm",
    # schedules
    "every": "every:Every",
    "accuracy_band": "accuracy_band:AccuracyBand",
    "cycle": "cycle:Cycle",
    "n_critic": "n_critic:NCritic",
    "together": "together:Together",
    # data
    "synthetic_faces": "synthetic_faces:SyntheticFaces",
    "image_folder": "image_folder:ImageFolder",
    "noise": "noise:Noise",
    "toy_2d": "toy_2d:Toy2D",
    "dirac": "dirac:Dirac",
    # metrics
    "modes_found": "clusters:ModesFound",
    "high_quality": "clusters:HighQuality",
    "reverse_kl": "clusters:ReverseKL",
    "distance": "distance:Distance",
    "l1_distance": "l1_distance:L1Distance",
    "rank_1": "rank_1:Rank1",
    "sharpness": "sharpness:Sharpness",
    "judged_accuracy": "judged:JudgedAccuracy",
    "judged_rank_1": "judged:JudgedRank1",
    "diversity": "diversity:Diversity",
    "spread": "spread:Spread",
    "critic_gap": "spread:CriticGap",
    "verification_auc": "verification_auc:VerificationAUC",
    # signals
    "critic_scores": "critic_scores:CriticScores",
    "outputs": "outputs:Outputs",
    "contributions": "contributions:Contributions",
    "weights": "weights:Weights",
    "spectra": "weights:Spectra",
    "held_out_scores": "held_out_scores:HeldOutScores",
    "label_faithfulness": "label_faithfulness:LabelFaithfulness",
    # verdicts
    "critic_too_strong": "critic_verdicts:CriticTooStrong",
    "critic_too_weak": "critic_verdicts:CriticTooWeak",
    "overfitting": "critic_verdicts:Overfitting",
    "mode_collapse": "collapse_verdicts:ModeCollapse",
    "sudden_collapse": "collapse_verdicts:SuddenCollapse",
    "saturated_generator": "collapse_verdicts:SaturatedGenerator",
    "one_loss_leads": "gradient_verdicts:OneLossLeads",
    "diverged": "gradient_verdicts:Diverged",
    "factor_lost": "label_verdicts:FactorLost",
    "phase_mismatch_after_load": "label_verdicts:PhaseMismatchAfterLoad",
}


@hookimpl
def gan_recipe_components() -> dict[str, str]:
    return {name: f"gan_recipe_plugins.{place}" for name, place in _COMPONENTS.items()}
