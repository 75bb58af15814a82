"""Which exceptions are for the user to mend: told in a line, without a traceback."""

from __future__ import annotations

USER_ERRORS = frozenset(
    (
        "sensors.codes.ShopperNameError",
        "sensors.store.StoreFileError",
        "service.autocheckout.ImportFailedError",
        "service.broker.BrokerError",
        "service.broker_run.BrokerRunError",
        "service.calibrate_lens.CalibrationError",
        "service.cameras_file.CamerasFileError",
        "service.device_access.AccessError",
        "service.explain.VisitUnknown",
        "service.film_source.FilmError",
        "service.floor_files.FloorFileError",
        "service.footage.FootageError",
        "service.joint_crops.CropsMissing",
        "service.journal.JournalError",
        "service.live_store.LiveStoreError",
        "service.lock.AlreadyRunningError",
        "service.models_import.ImportUnusableError",
        "service.models_registry.WeightsNotFound",
        "service.mot_eval.BenchUnavailableError",
        "service.mot_files.MotFileError",
        "service.picture_lists.PicturesError",
        "service.realism.RealDataError",
        "service.recording.RecordingError",
        "service.restore.RestoreError",
        "service.train_pose.TrainingUnavailableError",
        "service.video.VideoError",
        "service.warm_start.StartUnusable",
        "service.web.serve.ServeError",
        "simulator.emulation.EmulationError",
        "vision.detector.ModelMissing",
        "vision.detector_onnx.WeightsUnusable",
        "vision.detector_torch.TorchMissing",
        "vision.gallery.GalleryError",
    )
)
"""By name, so that a command that needs few of these modules does not import them all."""


def is_user_error(error: BaseException) -> bool:
    """Whether the error, or a class that it derives from, is one that the user can mend."""
    return any(f"{one.__module__}.{one.__qualname__}" in USER_ERRORS for one in type(error).__mro__)
